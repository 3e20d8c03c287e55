"""Open the workshop of the project that a command is about: only where one is needed.

Wiring loads every room, which takes longer than all of `status` may; so it is loaded late.
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from codex_oss.cli.output import Console
from codex_oss.settings import Settings, settings_here

if TYPE_CHECKING:
    from codex_oss.wiring import Workshop


def settings_of(arguments: Namespace) -> Settings:
    """Return what holds here, with the flags that the command was given."""
    flags = {"CODEX_OSS_PROJECT": str(arguments.project)} if arguments.project else {}
    port = getattr(arguments, "port", None)
    flags |= {"PROXY_PORT": str(port)} if port is not None else {}
    return settings_here(Path.cwd(), flags)


def open_workshop(arguments: Namespace, console: Console) -> "Workshop":
    """Return the workshop, after a word on settings that a person should know of."""
    from codex_oss.wiring import wire_workshop

    settings = settings_of(arguments)
    for warning in settings.warnings:
        console.say(f"warning: {warning}")
    return wire_workshop(settings)
