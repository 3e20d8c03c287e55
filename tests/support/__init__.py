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

LONG = os.environ.get("CODEX_OSS_LONG") in ("1", "all")
"""Whether the hundreds and thousands are wanted, or a small sample."""

ALL = os.environ.get("CODEX_OSS_LONG") == "all"
"""Whether even those are wanted that take minutes."""

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


CODEX_VERSIONS = ("0.130.0", "0.140.0", "0.148.0", "0.150.0", "0.160.0", "0.169.0")
PACKAGES = "python/lib/python*/site-packages"
PROGRAMS = {
    "codex": tuple(f"bin/codex-{version}" for version in CODEX_VERSIONS),
    "openai": (f"{PACKAGES}/openai",),
    "agents": (f"{PACKAGES}/agents",),
    "jsonschema": (f"{PACKAGES}/jsonschema",),
    "aisdk": ("aisdk/node_modules/ai", "aisdk/node_modules/@ai-sdk/openai"),
    "gitleaks": ("corpora/gitleaks.toml",),
    "secretlint": ("corpora/secretlint/packages",),
    "llama": (f"{PACKAGES}/xllamacpp", "models/smollm2.gguf"),
    "packages": tuple(
        f"packages/{name}"
        for name in ("click-8.5.1", "flask-3.1.3", "requests-2.34.2", "semver-7.7.2")
    ),
}
"""Where .ci/run puts what is not one program of its own name, below .dev/."""
BY_HAND = frozenset({"secretlint"})  # No registry has its snapshots: its repository is cloned.


def program(name: str) -> str | None:
    """Return the path of an outside program that CI installs into .dev/, or that PATH has."""
    found = DEV / "bin" / name
    return str(found) if found.exists() else shutil.which(name)


def dev_python() -> str:
    """Return the Python that has the packages: the tests' own has none of them."""
    return str(DEV / "python" / "bin" / "python")


def needs(*names: str) -> Callable[[Test], Test]:
    """Skip the test where an outside program is missing; `--require NAME` makes that a failure."""
    missing = [lack for name in names for lack in _lacks(name)]
    how = "no registry has it" if BY_HAND.issuperset(names) else ".ci/run installs it"
    reason = f"needs {', '.join(missing)}: {how}"
    required = set(os.environ.get("CODEX_OSS_REQUIRE", "").split(",")) & set(names)
    if missing and required:
        raise RuntimeError(f"--require {','.join(sorted(required))}: {reason}")
    return unittest.skip(reason) if missing else lambda test: test


def _lacks(name: str) -> list[str]:
    """Return what of `name` is not there. .dev/ holds links, so that a link may lead nowhere."""
    if name not in PROGRAMS:
        return [] if program(name) else [name]
    return [place for place in PROGRAMS[name] if not any(p.exists() for p in DEV.glob(place))]
