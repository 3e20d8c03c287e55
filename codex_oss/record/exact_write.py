"""What an exact text would change in the one file that it is for: a proposal, applied nowhere.

The record of a run that read the file enters, an `ExactWrite` leaves. It passes only where the file
as it was shown is the file to the byte: a difference from lines of which some are hidden, cut or
ended otherwise would be one that nobody can apply.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codex_oss.contract import EXACT_WRITE_FIELD, is_protected
from codex_oss.record.codec import sha256
from codex_oss.record.events import Json
from codex_oss.record.run_record import Command, RunRecord

EXACT_WRITE = "exact_write"
"""How a run comes in that checks an exact text. A model may report on it, and decides nothing."""

NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class ExactWrite:
    """`fault` is why the text cannot be taken as it stands, "" where the difference holds. The
    difference is one that `git apply` takes; it is empty where nothing would change."""

    path: str
    fault: str
    diff: str = ""
    base_sha256: str = ""
    new_sha256: str = ""

    def to_json(self) -> Json:
        return {
            "path": self.path,
            "check": "FAIL" if self.fault else "PASS",
            "fault": self.fault,
            "diff": self.diff,
            "base_sha256": self.base_sha256,
            "new_sha256": self.new_sha256,
            "applied": False,
        }


def is_exact_write(record: RunRecord) -> bool:
    return record.admitted.admitted.route_class == EXACT_WRITE


def ends_without_model(record: RunRecord) -> bool:
    """Whether this run is over once its file was read."""
    asks = record.admitted.admitted.limits.get("asks_model") is True
    return is_exact_write(record) and not asks and record.loop.phase == "REPORT"


def exact_write(record: RunRecord) -> ExactWrite | None:
    """Return the proposal of this run, or `None` where it makes none."""
    wanted = record.contract.document.get(EXACT_WRITE_FIELD)
    if not is_exact_write(record) or not isinstance(wanted, dict):
        return None
    path, content = str(wanted["path"]), str(wanted["content"])
    reads = [c for c in record.evidence.commands if c.tool_name == "rtk_read" and c.path == path]
    fault = _fault(record, path, content, str(wanted["sha256"]), reads)
    if fault:
        return ExactWrite(path, fault)
    base = _base(reads[-1])
    if base is None:
        return ExactWrite(path, "not_shown_whole")
    is_new = bool(reads[-1].exit_code)
    diff = "".join(_diff(path, base, content, is_new=is_new))
    base_sha256 = "" if is_new else sha256(base.encode())
    return ExactWrite(path, "", diff, base_sha256, sha256(content.encode()))


def _fault(
    record: RunRecord, path: str, content: str, digest: str, reads: Sequence[Command]
) -> str:
    if is_protected(path):
        return "owned_path_protected"
    if sha256(content.encode()) != digest:
        return "secret_in_text"
    if "\0" in content or "\r" in content:
        return "text_is_not_plain"
    if not reads:
        denied = [d.code for d in record.evidence.denials if d.path == path]
        return denied[-1] if denied else "not_read"
    return ""


def _base(read: Command) -> str | None:
    """Return the file, or `None` where what was shown of it is not all of it, to the byte."""
    if read.exit_code:
        return "" if read.exit_code == 1 else None
    if not read.extracts:
        return ""  # An empty file has no line to show.
    if not read.complete:
        return None
    rows = enumerate(read.text.split("\n"), 1)
    text = "\n".join(line.removeprefix(f"{number}: ") for number, line in rows)
    for base in (f"{text}\n", text):
        if sha256(base.encode()) == read.extracts[0].file_sha256:
            return base
    return None


def _diff(path: str, base: str, content: str, *, is_new: bool) -> Iterator[str]:
    """Yield the lines of a difference that `git apply` takes."""
    if base == content and not is_new:
        return
    yield f"diff --git a/{path} b/{path}\n"
    if is_new:
        yield "new file mode 100644\n"
    before = "/dev/null" if is_new else f"a/{path}"
    lines = difflib.unified_diff(_lines(base), _lines(content), before, f"b/{path}")
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"


def _lines(text: str) -> list[str]:
    """Return the lines with their ends. Only a line feed ends one."""
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])
