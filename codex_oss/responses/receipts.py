"""What the bridge changed of a turn or left out, as its response object tells it (bridge 1)."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who answered, and the names of what was left out or mended. Empty is nothing to tell."""

    lane: str = ""
    profile: str = ""
    upstream_model: str = ""
    wire: str = ""
    dropped: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    usage_estimated: bool | None = None
    stored: bool | None = None

    def to_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value not in ("", (), None)}
