"""The real `bin/codex-oss` as a process in a scratch project, with no home but a scratch one.

line = CommandLine(folder)
line.run("mission", "run", "m.json").code
line.each(["mission", "list"], ["log", "verify"])    # The same, one process for all of them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support import ROOT
from support.missions import contract, write_tree

PROGRAM = (sys.executable, str(ROOT / "bin" / "codex-oss"))
SECONDS_MAX = 60.0
ONE_BY_ONE = f"""
import io, json, sys
sys.path.insert(0, {str(ROOT)!r})
from codex_oss.cli import run
out, done = sys.stdout, []
for words in json.load(sys.stdin):
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    code = run(words)
    texts = [stream.buffer.getvalue().decode() for stream in (sys.stdout, sys.stderr)]
    done.append([code, *texts])
json.dump(done, out)
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """Return the one document on stdout, and nothing may stand beside it."""
        document = json.loads(self.out)
        assert isinstance(document, dict) and "schema_version" in document, self.out
        return document

    @property
    def complaint(self) -> list[str]:
        """Return the lines of an error: what failed, and what helps."""
        first = self.err.index("codex-oss: ")
        return self.err[first:].splitlines()


class CommandLine:
    """A project with a few files and `m.json`, a contract about them."""

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None) -> None:
        self.home = folder / "home"
        self.project = folder / "project"
        self.home.mkdir()
        self.project.mkdir()
        write_tree(self.project, files) if files is not None else write_tree(self.project)
        self.write("m.json", json.dumps(contract()))

    @property
    def environ(self) -> dict[str, str]:
        own = {"HOME": str(self.home), "CODEX_HOME": str(self.home), "LANG": "C.UTF-8"}
        return {"PATH": os.environ["PATH"], "TERM": "xterm", **own}

    def write(self, name: str, text: str) -> Path:
        path = self.project / name
        path.write_text(text, "utf-8")
        return path

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (*PROGRAM, *words),
            cwd=self.project,
            env=self.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, stdin: str = "", **environ: str) -> Done:
        return finished(self.start(*words, **environ), stdin)

    def each(self, *commands: Sequence[str]) -> list[Done]:
        """Run many commands, one after the other in one process: loading it is what costs."""
        done = subprocess.run(
            (sys.executable, "-c", ONE_BY_ONE),
            cwd=self.project,
            env=self.environ,
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=True,
        )
        return [Done(*each) for each in json.loads(done.stdout)]


def finished(process: subprocess.Popen[str], stdin: str = "") -> Done:
    """Wait for a command and return what it left behind."""
    out, err = process.communicate(stdin, timeout=SECONDS_MAX)
    return Done(process.returncode, out, err)
