"""Judge a record once: whoever asks again, with the same parts, gets the same answer.

Parts are frozen and shared between records, so that equal identity is equal content; of few of them
the answer is kept, for a run asks many times about the record at hand and never about an older one.
"""

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import TypeVar

from codex_oss.record.run_record import RunRecord

KEPT = 4  # Runs of a project at once (missions 4).
Value = TypeVar("Value")
Judge = Callable[[RunRecord], Value]


def remembered(*parts: str) -> Callable[[Judge[Value]], Judge[Value]]:
    """Decorate a function that looks at these parts of a record and at nothing else."""

    def decorate(judge: Judge[Value]) -> Judge[Value]:
        kept: tuple[tuple[tuple[object, ...], Value], ...] = ()

        @wraps(judge)
        def judged(record: RunRecord) -> Value:
            nonlocal kept
            seen = tuple(getattr(record, part) for part in parts)
            for before, value in kept:
                if all(map(is_, before, seen)):
                    return value
            value = judge(record)
            kept = ((seen, value), *kept)[:KEPT]
            return value

        return judged

    return decorate
