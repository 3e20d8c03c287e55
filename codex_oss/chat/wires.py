"""Every wire that a request is translated to, by its name."""

from collections.abc import Callable
from typing import Literal

from codex_oss.chat.anthropic_wire import AnthropicWire
from codex_oss.chat.chat_wire import ChatWire
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.model import Wire

TranslatedWire = Literal["chat", "anthropic"]

_WIRES: dict[TranslatedWire, Callable[[Dialect], Wire]] = {
    "chat": ChatWire,
    "anthropic": AnthropicWire,
}


def wire_of(name: TranslatedWire, dialect: Dialect) -> Wire:
    """Return the wire in this dialect."""
    return _WIRES[name](dialect)
