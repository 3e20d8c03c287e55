"""The head of each log, kept outside it: what a chain alone cannot see.

A chain does not show that events were cut off its end, or that everything from some point was
rewritten with new hashes. So count and hash of the last event also stand in
`state/heads/<run_id>.json`, with a MAC, always written after the log's own sync (event-log 5).
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from codex_oss.errors import BridgeError
from codex_oss.record import Json, canonical
from codex_oss.system import (
    DISK,
    Disk,
    made_once,
    private_folder,
    random_bytes,
    read_bounded,
    write_atomic,
)

HEAD_BYTES_MAX = 65_536
KEY_BYTES = 32
_NO_HEAD = (
    *(OSError, BridgeError, ValueError, TypeError, LookupError, AttributeError, RecursionError),
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log stood. `sealed` once its run ended; `summary` is for lists only. `purged` are the
    private blobs that were removed, `gc` says when and why the run itself was."""

    run_id: str
    mission_id: str
    count: int
    bytes: int
    head: str
    sealed: bool = False
    summary: Json = field(default_factory=dict)
    purged: tuple[str, ...] = ()
    gc: Json = field(default_factory=dict)


class HeadStore:
    """All heads of a project. The key is made once, at the first write."""

    def __init__(self, folder: Path, key_file: Path, disk: Disk = DISK) -> None:
        self._folder = folder
        self._key_file = key_file
        self._disk = disk
        self._key = b""

    def write(self, head: Head) -> None:
        private_folder(self._folder, self._disk)
        private_folder(self._key_file.parent, self._disk)
        self._key = self._key or made_once(
            self._key_file, lambda: random_bytes(KEY_BYTES), self._disk
        )
        body = {"schema_version": "log_head.v1", **asdict(head)}
        signed = {**body, "mac": _mac(self._key, body)}
        data = json.dumps(signed, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
        write_atomic(self._path(head.run_id), data.encode(), self._disk)

    def read(self, run_id: str) -> Head | None:
        """Return the head of a run, or `None` where it is missing or its MAC is not ours. Nothing
        is written, not even a key."""
        try:
            body = json.loads(read_bounded(self._path(run_id), HEAD_BYTES_MAX))
            mac = str(body.pop("mac"))
            self._key = self._key or read_bounded(self._key_file, KEY_BYTES)
            if not hmac.compare_digest(mac, _mac(self._key, body)):
                return None
            body.pop("schema_version")
            return Head(**body | {"purged": tuple(body.get("purged", ()))})
        except _NO_HEAD:
            return None  # Whatever stands there, it is no head that we wrote.

    def run_ids(self) -> Iterator[str]:
        """Yield the runs that have a head, newest first: their names begin with the time."""
        if self._folder.is_dir():
            for path in sorted(self._folder.glob("run_*.json"), reverse=True):
                yield path.stem

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.json"


def _mac(key: bytes, body: Json) -> str:
    return hmac.new(key, canonical(body), sha256).hexdigest()
