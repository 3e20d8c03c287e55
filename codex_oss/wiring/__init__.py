"""Compose everything: the one place that knows every class by name."""

from typing import TYPE_CHECKING

from codex_oss.wiring.models import Models
from codex_oss.wiring.workshop import Workshop, default_profile, wire_workshop

if TYPE_CHECKING:
    from codex_oss.wiring.bridge import Bridge, wire_bridge
    from codex_oss.wiring.health import Launch

__all__ = [
    "Bridge",
    "Launch",
    "Models",
    "Workshop",
    "default_profile",
    "wire_bridge",
    "wire_workshop",
]


def __getattr__(name: str) -> object:
    """Load the bridge, and with it the server, only for who asks for it."""
    if name not in ("Bridge", "Launch", "wire_bridge"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import codex_oss.wiring.bridge
    import codex_oss.wiring.health

    home = codex_oss.wiring.health if name == "Launch" else codex_oss.wiring.bridge
    return getattr(home, name)
