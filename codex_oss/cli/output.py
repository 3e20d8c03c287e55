"""What a command leaves behind: one result, as text for people or as one JSON document.

Results go to stdout, everything else (progress, warnings, errors) to stderr, so that a pipe gets
the result alone. Colours only where a terminal shows them.
"""

import json
import os
import sys
from dataclasses import dataclass, field

from codex_oss.errors import BridgeError

DIM, BOLD, RED, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found. `exit_code` 0 is done or yes, 1 is no (product 5)."""

    document: dict[str, object]
    text: str
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Console:
    """Where a command speaks while it works."""

    is_json: bool
    colours: bool = field(default_factory=lambda: _shows_colours())

    def say(self, text: str, style: str = "") -> None:
        """Tell a person something on the way."""
        print(self._styled(text, style), file=sys.stderr, flush=True)

    def show(self, result: Result) -> None:
        if self.is_json:
            print(json.dumps(result.document, ensure_ascii=False, sort_keys=True), flush=True)
        elif result.text:
            print(result.text, flush=True)

    def show_error(self, error: BridgeError, hint: str) -> None:
        """Say what failed, then what helps; with `--json` as a document too."""
        if self.is_json:
            document = {
                "schema_version": "error.v1",
                "error": {
                    "code": error.code,
                    "message": error.message,
                    "hint": hint,
                    "faults": [fault.to_json() for fault in error.faults],
                },
            }
            print(json.dumps(document, ensure_ascii=False, sort_keys=True), flush=True)
        self.say(f"codex-oss: {error.message}", RED)
        for fault in error.faults:
            self.say(f"  {fault}" + (f" ({fault.hint})" if fault.hint else ""))
        if hint:
            self.say(f"hint: {hint}")

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{PLAIN}" if style and self.colours else text


def _shows_colours() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
