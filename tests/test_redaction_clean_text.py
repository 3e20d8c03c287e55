"""Clean text stays as it is: CPython's library with its tests, and this repository."""

import sysconfig
import time
import unittest
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from support import LONG, ROOT, chance

from codex_oss.redaction import Redactor

HITS_MAX_IN_10_000_LINES = 1  # missions 7.
FILES = 200
LIBRARY = Path(sysconfig.get_paths()["stdlib"])


class CleanText(unittest.TestCase):
    def assert_clean(self, paths: Iterable[Path], sampled: str) -> None:
        redactor = Redactor(key=b"test")
        kinds: Counter[str] = Counter()
        lines = characters = 0
        start = time.process_time()
        for path in paths:
            text = path.read_text("utf-8", errors="replace")
            lines += text.count("\n")
            characters += len(text)
            kinds.update(redactor.redact(text).kinds)
        seconds = time.process_time() - start
        rate = kinds.total() / lines * 10_000
        print(f"{sampled}: {rate:.2f} hits in 10,000 of {lines} lines {dict(kinds)}, ", end="")
        print(f"{characters / 1e6 / seconds:.0f} MB/s")
        self.assertLessEqual(rate, HITS_MAX_IN_10_000_LINES)

    def test_of_the_running_pythons_library_with_its_tests(self) -> None:
        paths = [p for p in sorted(LIBRARY.rglob("*.py")) if "site-packages" not in p.parts]
        rng = chance(self.id())
        self.assert_clean(paths if LONG else rng.sample(paths, min(FILES, len(paths))), "library")

    def test_of_this_repository(self) -> None:
        suffixes = {".py", ".md", ".toml", ".json"}
        paths = [p for p in sorted(ROOT.rglob("*")) if p.suffix in suffixes and p.is_file()]
        own = [p for p in paths if not any(part.startswith(".") for part in p.parts[1:])]
        self.assert_clean(own, "this repository")


if __name__ == "__main__":
    unittest.main()
