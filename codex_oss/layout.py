"""Where everything of ours lies: each path below `.codex-oss/` once, and the product's own source.

A project's root enters, paths leave. Nothing here is made or changed but by `make`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from codex_oss.errors import BadRequest
from codex_oss.system import private_folder, read_bounded, work_tree_above, write_atomic

PRODUCT_ROOT = Path(__file__).resolve().parent.parent
SOURCE_BYTES_MAX = 4 << 20  # Of one file of the product.
_is_source = re.compile(r"bridge\.py|bin/[^/]+|codex_oss/.+(?<!\.pyc)").fullmatch
_Stamp = tuple[int, int, int, int]  # Of a file: its content does not change while this stays.
ID = r"[A-Za-z0-9_-]{1,128}"  # bridge 3.15


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one project."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".codex-oss"

    def make(self) -> None:
        """Make our folder, for us alone and out of git's sight, if it is missing."""
        ignore = private_folder(self.folder) / ".gitignore"
        if not ignore.exists():
            write_atomic(ignore, b"*\n")

    @property
    def install_manifest(self) -> Path:
        return self.folder / "install.json"

    @property
    def env_file(self) -> Path:
        return self.folder / "env" / "opencode-go.env"

    @property
    def profiles_file(self) -> Path:
        return self.folder / "env" / "profiles.toml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def admission_lock(self) -> Path:
        return self.runs / "admission.lock"

    def run(self, run_id: str) -> Path:
        return self.runs / _checked(run_id)

    def events(self, run_id: str) -> Path:
        return self.run(run_id) / "events.jsonl"

    def run_lock(self, run_id: str) -> Path:
        return self.run(run_id) / "run.lock"

    def blobs(self, run_id: str) -> Path:
        return self.run(run_id) / "blobs"

    @property
    def missions(self) -> Path:
        return self.folder / "missions"

    def mission(self, mission_id: str) -> Path:
        return self.missions / _checked(mission_id)

    @property
    def capability_scorecards(self) -> Path:
        return self.folder / "capability_scorecards.json"

    @property
    def heads(self) -> Path:
        return self.folder / "state" / "heads"

    @property
    def head_key(self) -> Path:
        return self.folder / "state" / "head.key"

    @property
    def seal_key(self) -> Path:
        return self.folder / "state" / "seal.key"

    @property
    def redaction_key(self) -> Path:
        return self.folder / "state" / "redaction.key"

    @property
    def state_database(self) -> Path:
        return self.folder / "state" / "proxy.sqlite3"

    @property
    def run_folder(self) -> Path:
        """Of what runs at present; the runs of missions are in `runs`."""
        return self.folder / "run"

    @property
    def local_key(self) -> Path:
        return self.run_folder / "local.key"

    @property
    def identity(self) -> Path:
        return self.run_folder / "bridge.json"

    @property
    def pid_file(self) -> Path:
        return self.run_folder / "bridge.pid"

    @property
    def start_lock(self) -> Path:
        return self.run_folder / "supervisor.lock"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def bridge_log(self) -> Path:
        return self.logs / "bridge.log"

    @property
    def bridge_errors(self) -> Path:
        """What a bridge in the background says outside its log: next to nothing."""
        return self.logs / "bridge.err.log"


def _checked(name: str) -> str:
    if not re.fullmatch(ID, name):
        raise BadRequest(
            f"{name[:80]!r} is not an id",
            hint="ids are letters, digits, `_` and `-`: codex-oss mission list",
        )
    return name


def find_project(start: Path) -> Path:
    """Return the nearest folder that we were installed into, else git's, else `start` itself."""
    installed = (at for at in (start, *start.parents) if Layout(at).install_manifest.is_file())
    return next(installed, None) or work_tree_above(start) or start


@dataclass(frozen=True, slots=True)
class SourceTree:
    """The product's own files, each with the SHA-256 of its content (delivery 6)."""

    files: Mapping[str, str]

    @property
    def sha256(self) -> str:
        lines = (f"{digest}  {path}\n" for path, digest in sorted(self.files.items()))
        return sha256("".join(lines).encode()).hexdigest()

    def changed_files(self, later: "SourceTree") -> tuple[str, ...]:
        """Return the paths that were added, removed or edited since, sorted."""
        return tuple(sorted({path for path, _ in self.files.items() ^ later.files.items()}))


class SourceOnDisk:
    """The product's files as they are at each look. One that the system says is the same file,
    unchanged since the last look, is not read again: `/health` looks often and answers at once."""

    def __init__(self, product_root: Path = PRODUCT_ROOT) -> None:
        self._root = product_root
        self._seen: dict[str, tuple[_Stamp, str]] = {}

    def look(self) -> SourceTree:
        seen = {path: self._at(path, stamp) for path, stamp in _source_files(self._root)}
        self._seen = seen
        return SourceTree({path: digest for path, (_, digest) in seen.items()})

    def _at(self, path: str, stamp: _Stamp) -> tuple[_Stamp, str]:
        before = self._seen.get(path)
        if before and before[0] == stamp:
            return before
        return stamp, sha256(read_bounded(self._root / path, SOURCE_BYTES_MAX)).hexdigest()


def source_tree(product_root: Path = PRODUCT_ROOT) -> SourceTree:
    """Read the product's files as they are on disk at this moment."""
    return SourceOnDisk(product_root).look()


def source_hash(product_root: Path = PRODUCT_ROOT) -> str:
    return source_tree(product_root).sha256


def _source_files(root: Path) -> Iterator[tuple[str, _Stamp]]:
    """Yield each file of the product by its path below the root."""
    folders = [""]
    while folders:
        place = folders.pop()
        with os.scandir(root / place) as entries:
            for entry in entries:
                path = f"{place}{entry.name}"
                if entry.is_dir() and _is_source_folder(path):
                    folders.append(f"{path}/")
                elif _is_source(path) and entry.is_file():
                    yield path, _stamp(entry.stat())


def _is_source_folder(path: str) -> bool:
    return path in ("bin", "codex_oss") or (
        path.startswith("codex_oss/") and not path.endswith("/__pycache__")
    )


def _stamp(found: os.stat_result) -> _Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
