"""Who the running bridge of a project is: what it writes down at its start and takes back.

`run/bridge.json` names a process by pid, start time and boot, so that a number which was used
again is never taken for ours, and holds the digests of the source that the process runs.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from codex_oss import __version__
from codex_oss.deadline import Clock
from codex_oss.errors import StorageUnsafe
from codex_oss.layout import Layout, SourceTree
from codex_oss.system import ProcessId, private_folder, read_bounded, remove, write_atomic

IDENTITY_BYTES_MAX = 1 << 20  # Some 100 bytes for each source file of ours.
SCHEMA = "bridge_identity.v1"
MODE = "production"  # The others come with the supervisor.


@dataclass(frozen=True, slots=True)
class BridgeIdentity:
    """What a bridge says of itself. `source` is what it loaded, not what is on disk since."""

    process: ProcessId
    host: str
    port: int
    project_root: str
    source: SourceTree
    started_at: datetime
    version: str = __version__
    mode: str = MODE

    @classmethod
    def mine(
        cls, layout: Layout, host: str, port: int, source: SourceTree, clock: Clock
    ) -> "BridgeIdentity":
        """Return what this very process says, once it listens."""
        process = ProcessId.of(os.getpid())
        return cls(process, host, port, str(layout.root), source, clock.now())

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def to_json(self) -> dict[str, object]:
        return {
            "schema_version": SCHEMA,
            "pid": self.process.pid,
            "pid_start": self.process.start,
            "boot_id": self.process.boot,
            "host": self.host,
            "port": self.port,
            "project_root": self.project_root,
            "source_sha256": self.source.sha256,
            "source_files": dict(self.source.files),
            "version": self.version,
            "mode": self.mode,
            "started_at": self.started_at.isoformat(),
            "supervisor_pid": None,
            "supervisor_pid_start": None,
        }


@contextmanager
def announced(layout: Layout, identity: BridgeIdentity) -> Iterator[None]:
    """Have this bridge found for as long as the block runs."""
    private_folder(layout.run_folder)
    document = json.dumps(identity.to_json(), indent=1, sort_keys=True)
    write_atomic(layout.identity, document.encode() + b"\n")
    write_atomic(layout.pid_file, b"%d\n" % identity.process.pid)
    try:
        yield
    finally:
        withdraw(layout, identity)


def read_identity(layout: Layout) -> BridgeIdentity | None:
    """Return who was announced last and did not take it back; he may be gone."""
    try:
        said = json.loads(read_bounded(layout.identity, IDENTITY_BYTES_MAX))
        return BridgeIdentity(
            process=ProcessId(int(said["pid"]), str(said["pid_start"]), str(said["boot_id"])),
            host=str(said["host"]),
            port=int(said["port"]),
            project_root=str(said["project_root"]),
            source=SourceTree(dict(said["source_files"])),
            started_at=datetime.fromisoformat(said["started_at"]),
            version=str(said["version"]),
            mode=str(said["mode"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise StorageUnsafe(
            f"{layout.identity} is not what a bridge writes",
            hint="stop the bridge by hand if one runs, then remove the file",
        ) from error


def withdraw(layout: Layout, identity: BridgeIdentity) -> None:
    """Remove what stands there of this bridge, and of no other."""
    if read_identity(layout) == identity:
        remove(layout.pid_file)
        remove(layout.identity)
