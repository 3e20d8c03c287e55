"""Where everything of ours lies: each path below `.codex-oss/` once, and the product's own source.

A project's root enters, paths leave. Nothing here is made or changed but by `make`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from re import fullmatch

from codex_oss.errors import BadRequest
from codex_oss.system import private_folder, read_bounded, work_tree_above, write_atomic

PRODUCT_ROOT = Path(__file__).resolve().parent.parent
SOURCE_BYTES_MAX = 4 << 20  # Of one file of the product.
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
    if not fullmatch(ID, name):
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


def source_tree(product_root: Path = PRODUCT_ROOT) -> SourceTree:
    """Read the product's files as they are on disk at this moment."""
    return SourceTree(
        {
            path.relative_to(product_root).as_posix(): sha256(
                read_bounded(path, SOURCE_BYTES_MAX)
            ).hexdigest()
            for path in _source_files(product_root)
        }
    )


def source_hash(product_root: Path = PRODUCT_ROOT) -> str:
    return source_tree(product_root).sha256


def _source_files(product_root: Path) -> Iterator[Path]:
    yield from product_root.glob("bridge.py")
    yield from (path for path in product_root.glob("bin/*") if path.is_file())
    for path in product_root.glob("codex_oss/**/*"):
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts:
            yield path
