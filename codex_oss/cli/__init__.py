"""Parse arguments, call one room, print one result."""

from codex_oss.cli.main import run

__all__ = ["run"]
