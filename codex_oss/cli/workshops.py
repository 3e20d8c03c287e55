"""Open the workshop of the project that a command is about: only where one is needed."""

from argparse import Namespace
from pathlib import Path

from codex_oss.settings import Settings, settings_here
from codex_oss.wiring import Workshop, wire_workshop


def settings_of(arguments: Namespace) -> Settings:
    """Return what holds here, with the flags that the command was given."""
    flags = {"CODEX_OSS_PROJECT": str(arguments.project)} if arguments.project else {}
    port = getattr(arguments, "port", None)
    flags |= {"PROXY_PORT": str(port)} if port is not None else {}
    return settings_here(Path.cwd(), flags)


def open_workshop(arguments: Namespace) -> Workshop:
    return wire_workshop(settings_of(arguments))
