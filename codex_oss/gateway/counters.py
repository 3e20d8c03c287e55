"""Count the turns of a process, for `/health`. Lines of the turn log enter, sums leave."""

import threading
from collections import Counter
from collections.abc import Mapping

Line = dict[str, object]

MICRO = 1_000_000  # Sums of whole micro-dollars do not drift.
VERSIONS_MAX = 32  # Of Codex; anybody can say that he is one.


class Counters:
    """All sums. Its lock is held for the time of an addition, never for that of a turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._micro_usd: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._versions: set[str] = set()

    def count(self, line: Line) -> None:
        """Add what the line of one turn says."""
        model, receipt = str(line.get("model")), line.get("receipt")
        with self._lock:
            self._turns[str(line["lane"]), str(line["outcome"])] += 1
            if line["outcome"] == "cancelled":
                self._events["cancelled"] += 1
            if isinstance(tries := line.get("tries"), int):
                self._events["tries"] += tries
            if isinstance(usage := line.get("usage"), dict):
                for kind in ("input_tokens", "output_tokens"):
                    self._tokens[model, kind] += usage[kind]
            if isinstance(cost := line.get("cost_usd"), float):
                self._micro_usd[model] += round(cost * MICRO)
            if isinstance(version := line.get("codex"), str) and len(self._versions) < VERSIONS_MAX:
                self._versions.add(version)
            self._events.update(_changes(receipt if isinstance(receipt, dict) else {}))

    def to_json(self) -> dict[str, object]:
        kinds = ("tries", "fallbacks", "salvaged", "repaired", "dropped", "cancelled")
        with self._lock:
            return {
                "turns": _nested(self._turns),
                **{kind: self._events[kind] for kind in kinds},
                "tokens": _nested(self._tokens),
                "cost_usd": {model: spent / MICRO for model, spent in self._micro_usd.items()},
            }

    def codex_versions(self) -> list[str]:
        with self._lock:
            return sorted(self._versions)


def _changes(receipt: Mapping[str, object]) -> dict[str, int]:
    """Return how often a turn was changed, by kind."""
    salvaged, sizes = receipt.get("salvaged"), {}
    for kind in ("repaired", "dropped"):
        names = receipt.get(kind)
        sizes[kind] = len(names) if isinstance(names, (list, tuple)) else 0
    return {
        "fallbacks": int("fallback_from" in receipt),
        "salvaged": salvaged if isinstance(salvaged, int) else 0,
        **sizes,
    }


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (outer, inner), count in counts.items():
        nested.setdefault(outer, {})[inner] = count
    return nested
