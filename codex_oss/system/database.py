"""One SQLite file of ours: private, durable enough for what can be lost, never a reason to fail.

A path and migrations enter; rows enter and leave. A file that is no database, or a damaged one, is
set aside and a new one made; a newer one than this program knows is refused (bridge 16).
"""

import os
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import StorageUnsafe
from codex_oss.system.files import private_folder

BUSY_SECONDS = 5.0
Value = str | int | float | bytes | None


class Database:
    """Threads share it: one statement at a time. `set_aside` names what was no database of ours."""

    def __init__(self, path: Path, migrations: Sequence[str], clock: Clock) -> None:
        private_folder(path.parent)
        self._lock = threading.Lock()
        self.set_aside: Path | None = None
        try:
            self._connection = _opened(path, migrations)
        except sqlite3.DatabaseError:
            self.set_aside = path.with_name(f"{path.name}.corrupt-{int(clock.now().timestamp())}")
            path.replace(self.set_aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
            self._connection = _opened(path, migrations)

    def rows(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        """Run one statement and return what it selects. Raises `OSError` where the file cannot be
        used."""
        try:
            with self._lock, self._connection:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise OSError(f"the state database: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _opened(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.close(fd)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    with ExitStack() as on_failure:
        on_failure.callback(connection.close)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise StorageUnsafe(
                f"{path.name} was written by a newer version of this program",
                hint=f"use that version, or move {path} away",
            )
        for number, migration in enumerate(migrations[version:], version + 1):
            with connection:
                connection.executescript(migration)
                connection.execute(f"PRAGMA user_version={number}")
        connection.execute("PRAGMA quick_check(1)").fetchone()
        on_failure.pop_all()
    return connection
