"""What every test file imports first: the checkout on the path, seeds, long runs, needs.

from support import LONG, ROOT, chance, needs
"""

import os
import random
import shutil
import sys
import tempfile
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
sys.dont_write_bytecode = True

LONG = os.environ.get("CODEX_OSS_LONG") == "1"
"""Whether the hundreds and thousands are wanted, or a small sample."""

SEED = int(os.environ.get("CODEX_OSS_SEED") or random.SystemRandom().randrange(2**32))
DEV = ROOT / ".dev"
Test = TypeVar("Test")


def chance(salt: str = "") -> random.Random:
    """Return a generator of this run's seed. The seed is printed: `CODEX_OSS_SEED=N` repeats it."""
    print(f"CODEX_OSS_SEED={SEED} {salt}".rstrip(), file=sys.stderr)
    return random.Random(f"{SEED}{salt}")


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty private folder and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="codex-oss-test-") as folder:
        yield Path(folder).resolve()


CODEX_VERSIONS = ("0.169.0", "0.148.0")
PROGRAMS = {"codex": tuple(f"codex-{version}" for version in CODEX_VERSIONS)}
"""What a requirement stands for, where it is not one program of its own name."""


def program(name: str) -> str | None:
    """Return the path of an outside program that CI installs into .dev/, or that PATH has."""
    found = DEV / "bin" / name
    return str(found) if found.exists() else shutil.which(name)


def needs(*names: str) -> Callable[[Test], Test]:
    """Skip the test where an outside program is missing; `--require NAME` makes that a failure."""
    missing = [n for name in names for n in PROGRAMS.get(name, (name,)) if program(n) is None]
    required = set(os.environ.get("CODEX_OSS_REQUIRE", "").split(",")) & set(names)
    if missing and not required:
        return unittest.skip(f"needs {', '.join(missing)}: .ci/run installs it")
    return lambda test: test
