"""Texts too long for a line, each under the digest of its bytes, on disk before its event."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from codex_oss.errors import BridgeError
from codex_oss.record import HASH, Blob, LineFault
from codex_oss.system import DISK, Disk, private_folder, read_bounded, write_atomic

BLOB_BYTES_MAX = 8 * 2**20  # A reply or an observation is cut long before.
_HASH = re.compile(HASH)


class BlobStore:
    """`blobs/<sha256>` and `blobs/private/<sha256>` of one run. `purged` are the private ones whose
    head says that they were removed."""

    def __init__(self, folder: Path, purged: Iterable[str] = (), disk: Disk = DISK) -> None:
        self._folder = folder
        self._purged = frozenset(purged)
        self._disk = disk
        self.purged_seen = 0

    def put(self, blob: Blob) -> None:
        path = self._path(blob.sha256, blob.private)
        private_folder(path.parent, self._disk)
        if not path.exists():
            write_atomic(path, blob.data, self._disk)

    def text(self, digest: str, private: bool) -> str:
        """Return a blob's text, "" of a purged one; missing or other bytes than its name says are
        a `LineFault`."""
        if not _HASH.fullmatch(digest):
            raise LineFault("blob_name")
        try:
            data = read_bounded(self._path(digest, private), BLOB_BYTES_MAX)
        except FileNotFoundError as error:
            if private and digest in self._purged:
                self.purged_seen += 1
                return ""
            raise LineFault(f"blob_missing:{digest}") from error
        except (OSError, BridgeError) as error:
            raise LineFault(f"blob_unreadable:{digest}") from error
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise LineFault(f"blob_mismatch:{digest}")
        return data.decode()

    def private_blobs(self) -> dict[str, Path]:
        """Return the private blobs that are there, each under its digest."""
        folder = self._folder / "private"
        found = sorted(folder.iterdir()) if folder.is_dir() else ()
        named = {f"sha256:{path.name}": path for path in found}
        return {digest: path for digest, path in named.items() if _HASH.fullmatch(digest)}

    def _path(self, digest: str, private: bool) -> Path:
        folder = self._folder / "private" if private else self._folder
        return folder / digest.removeprefix("sha256:")
