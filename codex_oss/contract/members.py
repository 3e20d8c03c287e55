"""Typed access to what a `Record` read: its kinds checked the types, so a surprise is a bug."""

from collections.abc import Mapping


class Members:
    """The members of one object. A null text is "" and a null object is empty."""

    def __init__(self, value: object) -> None:
        assert isinstance(value, Mapping), value
        self.value: Mapping[str, object] = value

    def text(self, name: str) -> str:
        value = self.value[name]
        assert value is None or isinstance(value, str), value
        return value or ""

    def flag(self, name: str) -> bool:
        value = self.value[name]
        assert isinstance(value, bool), value
        return value

    def whole(self, name: str) -> int:
        value = self.value[name]
        assert isinstance(value, int), value
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self._items(name))

    def parts(self, name: str) -> tuple["Members", ...]:
        return tuple(Members(item) for item in self._items(name))

    def part(self, name: str) -> "Members":
        return Members(self.value[name] or {})

    def _items(self, name: str) -> list[object]:
        value = self.value[name]
        assert isinstance(value, list), value
        return value
