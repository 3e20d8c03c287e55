"""The word of a person at the terminal, or of whoever manages this process, to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_interrupt(act: Callable[[], None], signals: int = 1) -> Iterator[None]:
    """Have the first SIGINT or SIGTERM inside this block call `act`, or the first few; a later one
    raises `KeyboardInterrupt`, for who does not want to wait. Main thread only."""
    asked = 0

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked += 1
        if asked > signals:
            raise KeyboardInterrupt
        act()

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
