"""Decide which file a path means, and open that file or none.

A path as a model wrote it enters; a `Resolved` one leaves, or a `Denied`. `PathRules` judges
names; here they are judged twice, as written and as they stand on the disk behind every link. What
is opened is the second name, step by step, never through a link: one that is swapped in after the
judgment leads nowhere (missions 6).
"""

import errno
import os
import posixpath
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from unicodedata import normalize

from codex_oss.contract import IGNORED_FOLDERS, BadPath, Denial, PathRules, normalise
from codex_oss.redaction import Redactor
from codex_oss.system import DISK, Git, open_beneath
from codex_oss.tools.documents import shown_text
from codex_oss.tools.observations import Denied, Failed
from codex_oss.tools.tree import Tree

ALLOWED_SHOWN_MAX = 20  # Entries of the scope in a denial: enough to choose from.
PATH_SHOWN_CHARACTERS_MAX = 200
FILES_MAX = 200_000  # Of a project: judging them takes seconds; admission asks from 2,000 on.

_MADE_FOLDERS = frozenset(IGNORED_FOLDERS.split())
AREAS_MAX = 200  # Folders of a scope that a log lists: a line of it has a limit.
_NOT_COUNTED = ("out_of_scope", "forbidden_path", "internal_path", "vendor_path")
"""Denials of folders that may be as large as the project itself."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """A path in normal form, and where it really stands below the root: no link is left in it."""

    path: str
    real_path: str


@dataclass(frozen=True, slots=True)
class ScopeFiles:
    """The files that a search sees, sorted by path; how many in scope it must not see, by code; how
    many are gone. `is_cut`: the project has more files than we look at."""

    files: tuple[Resolved, ...]
    denials: Counter[str] = field(default_factory=Counter)
    absent: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class ScopeSurvey:
    """What a scope holds at this moment, counted for admission.

    `denied` files are in scope but a rule keeps them out, `critical` of them by a critical path.
    `absent` are entries of the contract that do not exist, `refused` those that no rule lets in,
    `areas` the folders with their readable files, of deep ones those above.
    """

    readable_files: int
    bytes: int
    denied: int
    critical: int
    absent: tuple[str, ...]
    refused: tuple[Denied, ...]
    areas: tuple[tuple[str, int], ...] = ()


class Guard:
    """The rules of one mission, on one project's disk."""

    def __init__(self, root: Path, rules: PathRules, redactor: Redactor) -> None:
        self.root = root.resolve()
        self.rules = rules
        self.redactor = redactor
        self._roots = rules.scope.allowed_roots
        self._paths = frozenset(rules.scope.allowed_paths)
        self._named = (*rules.scope.allowed_roots, *rules.scope.allowed_paths)

    def resolve(self, path: str) -> Resolved | Denied:
        """Return the file that a path means, whether it exists or not, if it may be read."""
        return self._resolve(path, Tree(self.root), is_folder=False)

    def resolve_folder(self, path: str) -> Resolved | Denied:
        """Return the folder that a path means, if anything in it may be read."""
        return self._resolve(path, Tree(self.root), is_folder=True)

    def judge(self, path: str, tree: Tree, *, is_folder: bool = False) -> Resolved | Denial:
        """Judge a path in normal form, twice: as it is written and as it stands on the disk."""
        if denial := self._denial(path, is_folder):
            return denial
        real_path = tree.real_path(path)
        if real_path is None:
            return Denial("symlink_escape", "a link out of the project")
        if real_path != path:
            if normalise(real_path) != normalize("NFC", real_path):
                return Denial("bad_path", "a link to a name without normal form")
            if denial := self._denial(real_path, is_folder):
                is_outside = denial.code == "out_of_scope"
                return replace(denial, code="symlink_out_of_scope") if is_outside else denial
        if tree.is_in_repository(real_path if is_folder else posixpath.dirname(real_path) or "."):
            return Denial("internal_path", "a git repository's own folder")
        return Resolved(path, real_path)

    def open(self, file: Resolved) -> BinaryIO | Failed:
        """Open a regular file. Pipes and devices are not even opened."""
        try:
            found = (self.root / file.real_path).lstat()
            if not stat.S_ISREG(found.st_mode):
                return _not_regular(found.st_mode)
            fd = self.open_beneath(file)
        except OSError as error:
            return failed_open(error)
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):  # Swapped since: opened, but nothing was read.
            os.close(fd)
            return _not_regular(found.st_mode)
        return os.fdopen(fd, "rb")

    def open_beneath(self, file: Resolved) -> int:
        """Return a descriptor of what stands at the real path, or raise `OSError`."""
        root = DISK.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return open_beneath(root, file.real_path)
        finally:
            os.close(root)

    def readable_files(self, below: str = ".") -> ScopeFiles:
        """Return what a search below a path sees: all files that git does not ignore, without git
        all but what is made from others, and every file that the contract names."""
        tree = Tree(self.root)
        denials: Counter[str] = Counter()
        files: dict[str, Resolved] = {}
        absent = 0
        candidates = tuple(islice(self._candidates(tree), FILES_MAX + 1))
        for path in sorted({normalize("NFC", name) for name in (*candidates, *self._paths)}):
            if not (self._is_in_scope(path) and is_below(path, below)):
                continue
            if normalise(path) != path:
                denials["bad_path"] += 1
                continue
            judged = self.judge(path, tree)
            if isinstance(judged, Denial):
                denials[judged.code] += 1
            elif (entry := tree.entry(judged.real_path)) is None:
                absent += 1
            elif entry.is_file(follow_symlinks=False):
                files[path] = judged
        for path in self.with_secrets(files):
            del files[path]
            denials["secret_path"] += 1
        return ScopeFiles(tuple(files.values()), denials, absent, len(candidates) > FILES_MAX)

    def searchable(self, path: str) -> ScopeFiles | Denied | Failed:
        """Return what a search of a path sees: a folder's readable files, or the file named."""
        place = self.resolve_folder(path)
        if isinstance(place, Denied) or place.real_path == ".":
            return place if isinstance(place, Denied) else self.readable_files()
        entry = Tree(self.root).entry(place.real_path)
        if entry is None:
            return Failed("absent", "there is no such file or folder")
        if entry.is_dir(follow_symlinks=False):
            return self.readable_files(normalize("NFC", place.real_path))
        file = self.resolve(path)
        return file if isinstance(file, Denied) else ScopeFiles((file,))

    def survey(self) -> ScopeSurvey:
        """Count what the scope holds at this moment."""
        found, tree = self.readable_files(), Tree(self.root)
        named = [(path, self._resolve(path, tree, is_folder=True)) for path in self._named]
        return ScopeSurvey(
            readable_files=len(found.files),
            bytes=sum(_size(self.root / file.real_path) for file in found.files),
            denied=found.denials.total(),
            critical=found.denials["critical_path"],
            absent=tuple(
                path
                for path, to in named
                if isinstance(to, Resolved) and path != "." and tree.entry(to.real_path) is None
            ),
            refused=tuple(to for _, to in named if isinstance(to, Denied)),
            areas=_areas(file.path for file in found.files),
        )

    def denied(self, code: str, rule: str, path: str) -> Denied:
        """Return a denial that shows nothing secret, and says what is allowed."""
        shown = shown_text(self.redactor.redact(path).text, PATH_SHOWN_CHARACTERS_MAX)
        return Denied(code, self.redactor.redact(rule).text, shown, self._allowed())

    def with_secrets(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the paths that hold a secret themselves, looking at all of them at once."""
        plain = "".join(f"{path}\n" for path in paths)
        clear = self.redactor.redact(plain).text
        pairs = zip(plain.split("\n"), clear.split("\n"), strict=True)
        return tuple(path for path, text in pairs if path != text)

    def visible(self, paths: Iterable[str]) -> frozenset[str]:
        """Return which of these paths may be named, whether there are such files or not."""
        tree = Tree(self.root)
        seen = [
            path
            for path in paths
            if normalise(path) == normalize("NFC", path)
            and isinstance(self.judge(normalize("NFC", path), tree), Resolved)
        ]
        return frozenset(seen).difference(self.with_secrets(seen))

    def _resolve(self, path: str, tree: Tree, *, is_folder: bool) -> Resolved | Denied:
        name = normalise(path, str(self.root))
        if isinstance(name, BadPath):
            return self.denied("bad_path", name.reason, path)
        if self.redactor.redact(name).kinds:
            return self.denied("secret_path", "a secret in its name", name)
        judged = self.judge(name, tree, is_folder=is_folder)
        if isinstance(judged, Denial):
            return self.denied(judged.code, judged.rule, name)
        return judged

    def _denial(self, path: str, is_folder: bool) -> Denial | None:
        denial = self.rules.denial(path, is_folder)
        leads_in = is_folder and any(is_below(name, path) for name in self._named)
        return None if denial and denial.code == "out_of_scope" and leads_in else denial

    def _candidates(self, tree: Tree) -> Iterable[str]:
        """Yield the names of files as they stand on the disk. In a folder that a work tree ignores
        git knows none: then, as without git, the tree is walked."""
        return Git(self.root).tracked_and_untracked() or self._walk(".", tree)

    def _walk(self, folder: str, tree: Tree) -> Iterator[str]:
        for name, entry in tree.listing(folder).items():
            path = name if folder == "." else f"{folder}/{name}"
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif self._is_worth_a_walk(path):
                yield from self._walk(path, tree)

    def _is_worth_a_walk(self, folder: str) -> bool:
        """Whether files in a folder are in scope, if only to be counted as denied."""
        denial = self._denial(folder, True)
        is_made = posixpath.basename(folder) in _MADE_FOLDERS
        is_opened = "vendor" in self.rules.scope.exposed_classes
        return (is_opened or not is_made) and (denial is None or denial.code not in _NOT_COUNTED)

    def _is_in_scope(self, path: str) -> bool:
        return path in self._paths or any(is_below(path, root) for root in self._roots)

    def _allowed(self) -> str:
        """Say what is allowed, as far as it fits into an answer."""
        scope = self.rules.scope
        lists = {"allowed_roots": scope.allowed_roots, "allowed_paths": scope.allowed_paths}
        return "; ".join(
            f"{name}: {', '.join(paths[:ALLOWED_SHOWN_MAX])}"
            + (f" and {len(paths) - ALLOWED_SHOWN_MAX} more" * (len(paths) > ALLOWED_SHOWN_MAX))
            for name, paths in lists.items()
            if paths
        )


def is_below(path: str, folder: str) -> bool:
    """Whether a path is this one or stands in it."""
    return folder in (".", path) or path.startswith(f"{folder}/")


def failed_open(error: OSError) -> Failed:
    """Say why nothing could be opened, in our words: those of the system name no real path."""
    code, message = _OPENING_FAILS.get(error.errno or 0, ("unreadable", "it cannot be opened"))
    return Failed(code, message)


_OPENING_FAILS = {
    errno.ENOENT: ("absent", "there is no such file"),
    errno.ENOTDIR: ("absent", "there is no such file"),
    errno.ENAMETOOLONG: ("absent", "no name is that long"),
    errno.EACCES: ("unreadable", "the system does not permit it"),
    errno.ELOOP: ("unreadable", "links lead in a circle, or one was put in its way"),
}


def _not_regular(mode: int) -> Failed:
    hint = "a folder: list it with rtk_ls" if stat.S_ISDIR(mode) else "a pipe, socket or device"
    return Failed("not_regular_file", f"it is {hint}")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # Gone since it was listed.
        return 0


def _areas(paths: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Count files by folder, those of deep folders with a folder above, so that there are few."""
    parts = [path.split("/")[:-1] for path in paths]
    counts: Counter[str] = Counter()
    for depth in range(max(map(len, parts), default=0), -1, -1):
        counts = Counter("/".join(part[:depth]) or "." for part in parts)
        if len(counts) <= AREAS_MAX:
            break
    return tuple(sorted(counts.items()))
