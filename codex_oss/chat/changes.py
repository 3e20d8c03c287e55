"""What was changed of a request on its way to one model, by name, each name once."""

from collections import Counter


class Changes:
    """Filled while a request is fitted. The names are told in the receipt of the turn."""

    def __init__(self) -> None:
        self._dropped: dict[str, None] = {}
        self._downgraded: dict[str, None] = {}
        self._repaired: dict[str, None] = {}
        self._reasoning: Counter[str] = Counter()

    def drop(self, name: str) -> None:
        """Left out: the answer may be another one for it."""
        self._dropped[name] = None

    def downgrade(self, name: str) -> None:
        """Said in a weaker way."""
        self._downgraded[name] = None

    def repair(self, name: str) -> None:
        """Broken as it came, and mended."""
        self._repaired[name] = None

    def drop_reasoning(self, reason: str) -> None:
        self._reasoning[reason] += 1

    @property
    def dropped(self) -> tuple[str, ...]:
        return tuple(self._dropped)

    @property
    def downgraded(self) -> tuple[str, ...]:
        return tuple(self._downgraded)

    @property
    def repaired(self) -> tuple[str, ...]:
        return tuple(self._repaired)

    @property
    def reasoning_dropped(self) -> tuple[tuple[str, int], ...]:
        return tuple(self._reasoning.items())
