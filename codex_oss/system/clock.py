"""Time and chance of this machine: the only place where either comes in."""

import os
import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` of `codex_oss.deadline` that runs by itself."""

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def random_bytes(count: int) -> bytes:
    """Return bytes fit for keys, straight from the kernel."""
    return os.urandom(count)


def new_id(hex_digits: int) -> str:
    return os.urandom((hex_digits + 1) // 2).hex()[:hex_digits]
