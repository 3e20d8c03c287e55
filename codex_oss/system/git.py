"""Git, asked so that a repository cannot answer with code of its own.

Everything that a repository may configure to be run is off: hooks, monitors, pagers, filters, text
converters, signature checks, and fetching what it lacks (missions 5.4). No `GIT_*` of our
environment reaches git. A revision is resolved to a full id before anything is asked about it.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from codex_oss.deadline import Deadline
from codex_oss.errors import ProcessFailed
from codex_oss.system.processes import minimal_env, run

FILES_SECONDS_MAX = 20.0  # `ls-files --others` walks the whole tree.
ANSWER_SECONDS_MAX = 10.0  # Missions 5.1.
ANSWER_BYTES_MAX = 64 << 20  # The names of a million files.
SAFE = (
    *("--no-pager", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
)
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/~^@{}-]{0,199}")
_FILTER = re.compile(rb"filter\..*\.(?:clean|smudge|process|required)", re.DOTALL)
_COUNTED = ("--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_SUBMODULES = "--ignore-submodules=dirty"  # Else git runs another one inside, with its settings.
_COMMIT = (
    *("--no-show-signature", "--no-notes", "--no-mailmap", "--encoding=UTF-8"),
    *("--date=iso-strict", "--format=%x00%H%x00%ad%x00%an%x00%s"),
)
Setting = tuple[str, str]


def work_tree_above(folder: Path) -> Path | None:
    """Return the nearest folder, from this one upwards, that git would take for a work tree."""
    return next((at for at in (folder, *folder.parents) if os.path.lexists(at / ".git")), None)


@dataclass(frozen=True, slots=True)
class Commit:
    id: str
    date: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A file and how many of its lines came and went; `None` where it has no lines."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is checked out, and each file that is not as in its commit: (two letters, path)."""

    branch: str
    head: str
    entries: tuple[tuple[str, str], ...]


class Git:
    """What git knows of a project. Its root may lie inside a work tree, or in none. Paths enter
    and leave relative to the root; what is outside of it begins with `../`."""

    def __init__(self, root: Path, deadline: Deadline | None = None) -> None:
        self._root = root
        self._deadline = deadline
        self._work_tree = work_tree_above(root)

    def tracked_and_untracked(self) -> tuple[str, ...] | None:
        """Return all files below the root that git does not ignore, sorted.

        None where git cannot say. A file may have been removed since it was tracked, and a name
        that is not UTF-8 comes as `os.fsdecode` gives it.
        """
        options = ("-z", "--cached", "--others", "--exclude-standard")
        names = self._ask("ls-files", *options, seconds_max=FILES_SECONDS_MAX)
        if names is None:
            return None
        found = {os.fsdecode(name) for name in names.split(b"\0")}
        return tuple(sorted(name for name in found if name and not name.endswith("/")))

    def head(self) -> str:
        """Return the full id of the commit that is checked out, or "" where there is none."""
        return self.commit_id("HEAD")

    def commit_id(self, revision: str) -> str:
        """Return the full id of the commit that a revision names, or "" where it names none.
        Nothing that could be an option or a path in a commit is even asked."""
        if not is_revision(revision):
            return ""
        commit = self._ask("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        return (commit or b"").decode().strip()

    def standing(self) -> Standing | None:
        """Return branch, head and changed files, or `None` where git cannot say."""
        options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames")
        answer = self._ask("status", *options, _SUBMODULES, settings=self._without_filters())
        if answer is None:
            return None
        lines = [os.fsdecode(line) for line in answer.split(b"\0") if line]
        said = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
        entries = tuple(filter(None, map(self._entry, lines)))
        head = said.get("branch.oid", "")
        return Standing(said.get("branch.head", ""), head if head != "(initial)" else "", entries)

    def log(
        self, commit_id: str, limit: int, path: str = "."
    ) -> tuple[tuple[Commit, tuple[str, ...]], ...] | None:
        """Return a commit and those before it, newest first, each with the paths that it changed; a
        merge with none. Of a path those that changed it."""
        asked = () if path == "." else ("--", path)
        options = (f"--max-count={limit}", "--root", "--name-only", "--no-renames", _SUBMODULES)
        answer = self._ask("log", "-z", *options, *_COMMIT, commit_id, *asked)
        if answer is None:
            return None
        found = _commits(_fields(answer))
        return tuple((commit, tuple(map(self._from_root, rows))) for commit, rows in found)

    def changes_of(self, commit_id: str) -> tuple[Commit, tuple[Changed, ...]] | None:
        """Return a commit and what it changed since its first parent."""
        whole = ("--max-count=1", "-m", "--first-parent", "--root")
        answer = self._ask("log", *whole, *_COUNTED, _SUBMODULES, *_COMMIT, commit_id)
        if answer is None:
            return None
        ((commit, rows),) = _commits(_fields(answer))
        return commit, self._changes(rows)

    def changes(self, path: str = ".", *, staged: bool) -> tuple[Changed, ...] | None:
        """Return what a work tree has changed, or what its next commit will change."""
        asked = ("--", path) if path != "." else ()
        options = (*_COUNTED, _SUBMODULES, *(("--cached",) if staged else ()))
        answer = self._ask("diff", *options, *asked, settings=self._without_filters())
        return None if answer is None else self._changes(_fields(answer))

    def _changes(self, fields: list[str]) -> tuple[Changed, ...]:
        rows = (row.split("\t", 2) for row in fields)
        return tuple(
            Changed(self._from_root(row[2]), _lines(row[0]), _lines(row[1]))
            for row in rows
            if len(row) == 3
        )

    def _entry(self, line: str) -> tuple[str, str] | None:
        """Return letters and path of a line of `status --porcelain=v2` (git-status(1))."""
        kind, _, rest = line.partition(" ")
        if kind == "?":
            return "??", self._from_root(rest)
        fields_before_path = {"1": 7, "u": 9}.get(kind)
        if fields_before_path is None:
            return None
        letters, *_, path = rest.split(" ", fields_before_path)
        return letters, self._from_root(path)

    def _from_root(self, path: str) -> str:
        """Return a path of the work tree as one of the root."""
        assert self._work_tree
        return os.path.relpath(self._work_tree / path, self._root)

    def _without_filters(self) -> tuple[Setting, ...]:
        """Return settings that empty every filter which some configuration names."""
        names = self._ask("config", "-z", "--name-only", "--list") or b""
        keys = {os.fsdecode(name) for name in names.split(b"\0") if _FILTER.fullmatch(name)}
        return tuple((key, "false" if key.endswith(".required") else "") for key in sorted(keys))

    def _ask(
        self,
        *arguments: str,
        settings: tuple[Setting, ...] = (),
        seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> bytes | None:
        if self._work_tree is None:
            return None
        try:
            done = run(
                ("git", *SAFE, *_as_options(settings), *arguments),
                cwd=self._root,
                env=_environment(self._work_tree, settings),
                seconds_max=seconds_max,
                output_bytes_max=ANSWER_BYTES_MAX,
                deadline=self._deadline,
            )
        except ProcessFailed:  # There is no git here: then there is no answer, as outside of one.
            return None
        if self._deadline:
            self._deadline.raise_if_cancelled()
        if done.timed_out or done.truncated:
            limit = f"{seconds_max:g} s" if done.timed_out else f"{ANSWER_BYTES_MAX} bytes"
            raise ProcessFailed(
                f"git {arguments[0]} did not end within {limit} in {self._root}",
                hint="add what need not be seen to .gitignore",
            )
        return None if done.exit_code else done.stdout


def is_revision(text: str) -> bool:
    """Whether a text can be a revision, and neither an option nor a path in a commit."""
    return _REVISION.fullmatch(text) is not None


def _as_options(settings: Iterable[Setting]) -> Iterator[str]:
    for key, value in settings:
        if "=" not in key:
            yield from ("-c", f"{key}={value}")


def _environment(work_tree: Path, settings: Iterable[Setting]) -> dict[str, str]:
    """Return all that git may know of our environment, and settings that no option can spell."""
    odd = [setting for setting in settings if "=" in setting[0]]
    numbered = {"GIT_CONFIG_COUNT": str(len(odd))} if odd else {}
    for number, (key, value) in enumerate(odd):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered | minimal_env(
        LANG="C",
        LC_ALL="C",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_DIR=str(work_tree / ".git"),
        GIT_WORK_TREE=str(work_tree),
        GIT_NO_LAZY_FETCH="1",  # A partial clone would start its transport for what it lacks.
        GIT_ALLOW_PROTOCOL="none",  # And a git before 2.39.4 finds no transport to start.
    )


def _fields(answer: bytes) -> list[str]:
    return os.fsdecode(answer.removesuffix(b"\0")).split("\0") if answer else []


def _commits(fields: Iterable[str]) -> list[tuple[Commit, list[str]]]:
    """Return each commit of a log in the form of `_COMMIT`, with the rows behind it: an empty
    field, four that may be empty, then rows that never are."""
    found: list[tuple[Commit, list[str]]] = []
    left = iter(fields)
    for field in left:
        if not field:
            found.append((Commit(next(left), next(left), next(left), next(left)), []))
            continue
        rows = found[-1][1]
        rows.append(field if rows else field.removeprefix("\n"))
    return found


def _lines(number: str) -> int | None:
    return int(number) if number.isdigit() else None
