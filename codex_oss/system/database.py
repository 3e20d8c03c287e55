"""One SQLite file of ours: private, durable enough for what can be lost, never a reason to fail.

A path and migrations enter; rows enter and leave. A file that is no database, or a damaged one, is
set aside and a new one made; a newer one than this program knows is refused (bridge 16).
"""

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from codex_oss.deadline import Clock
from codex_oss.errors import StorageUnsafe
from codex_oss.system.files import private_folder

BUSY_SECONDS = 5.0
RETRY_SECONDS = 0.01
OF_THE_MOMENT = {  # These say nothing about what stands in the file.
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
Value = str | int | float | bytes | None


class Database:
    """Threads share it: one statement at a time. `set_aside` names what was no database of ours."""

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        clock: Clock,
        *,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        private_folder(path.parent)
        self._lock = threading.Lock()
        self.set_aside: Path | None = None
        try:
            self._connection = _opened(path, migrations, busy_seconds)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in OF_THE_MOMENT:
                raise StorageUnsafe(
                    f"the state database {path.name} cannot be used: {error}",
                    hint=f"free space, or end whoever holds {path}, and start again",
                ) from error
            self.set_aside = path.with_name(f"{path.name}.corrupt-{int(clock.now().timestamp())}")
            path.replace(self.set_aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + suffix).unlink()
            self._connection = _opened(path, migrations, busy_seconds)

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


def _opened(path: Path, migrations: Sequence[str], busy_seconds: float) -> sqlite3.Connection:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.close(fd)
    connection = sqlite3.connect(path, timeout=busy_seconds, check_same_thread=False)
    with ExitStack() as on_failure:
        on_failure.callback(connection.close)
        _write_ahead(connection, busy_seconds)
        connection.execute("PRAGMA synchronous=NORMAL")
        if _version(connection) > len(migrations):
            raise StorageUnsafe(
                f"{path.name} was written by a newer version of this program",
                hint=f"use that version, or move {path} away",
            )
        _migrate(connection, migrations)
        connection.execute("PRAGMA quick_check(1)").fetchone()
        on_failure.pop_all()
    return connection


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Have it keep a write-ahead log. SQLite does not wait here for who is at it, so we do."""
    give_up = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up:
                raise
        time.sleep(RETRY_SECONDS)


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Bring the tables up to date, each step whole or not at all, whoever else is at it."""
    while (version := _version(connection)) < len(migrations):
        step = f"{migrations[version]}; PRAGMA user_version={version + 1}"
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {step}; COMMIT")
        except sqlite3.OperationalError:
            connection.rollback()
            if _version(connection) == version:  # Else another process was quicker.
                raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
