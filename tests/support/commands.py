"""Commands in a scratch project, with no home but a scratch one, each in a process of its own.

line = CommandLine(folder)
line.run("mission", "run", "m.json").code
line.each(["mission", "list"], ["log", "verify"])    # The same, one process for all of them.
line.program("mission", "list").code    # `bin/codex-oss` itself: what else ends and begins it.

To load the product is most of what a command costs. So a command forks from its test, which has
loaded it already; only what the interpreter does before and after needs the program.
"""

import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import codex_oss.cli.following
import codex_oss.cli.lifecycle
import codex_oss.cli.logs
import codex_oss.cli.missions
import codex_oss.cli.watching  # noqa: F401
from codex_oss.cli import run
from support import ROOT
from support.missions import contract, write_tree

PROGRAM = (sys.executable, str(ROOT / "bin" / "codex-oss"))
SECONDS_MAX = 60.0
DESCRIPTORS_MAX = 4096


def become(words: Sequence[str], environ: Mapping[str, str], act: Callable[[], int]) -> None:
    """Be the program, in a child that Popen has forked and given its streams and folder.

    Popen waits until its own pipe is closed, as an exec would close it.
    """
    gc.freeze()  # What is collected later would close descriptors that are others' by then.
    os.closerange(3, DESCRIPTORS_MAX)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None
    warnings.simplefilter("ignore")  # unittest shows them, the program does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.argv[:] = [PROGRAM[1], *words]
    sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    sys.stderr = open(2, "w", 1, "utf-8", "backslashreplace")  # noqa: SIM115
    code = 1
    try:
        code = act()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _one_by_one() -> int:
    """Run the commands that stand on stdin and print what each left behind."""
    (out, err), done = (sys.stdout, sys.stderr), []
    for words in json.load(sys.stdin):
        streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
        sys.stdout, sys.stderr = streams
        code = run(words)
        for stream in streams:
            stream.flush()
        sys.stdout, sys.stderr = out, err
        done.append([code, *(stream.buffer.getvalue().decode() for stream in streams)])
    json.dump(done, out)
    return 0


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
        return self._forked(words, environ, lambda: run(list(words)))

    def run(self, *words: str, stdin: str = "", **environ: str) -> Done:
        return finished(self.start(*words, **environ), stdin)

    def program(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start `bin/codex-oss` as users do."""
        return self._process((*PROGRAM, *words), self.environ | environ)

    def each(self, *commands: Sequence[str]) -> list[Done]:
        """Run many commands, one after the other in one process."""
        done = finished(self._forked((), {}, _one_by_one), json.dumps(commands))
        assert done.code == 0, done.err
        return [Done(*each) for each in json.loads(done.out)]

    def _forked(
        self, words: Sequence[str], more: Mapping[str, str], act: Callable[[], int]
    ) -> subprocess.Popen[str]:
        environ = self.environ | more
        return self._process(
            (*PROGRAM, *words), environ, preexec_fn=lambda: become(words, environ, act)
        )

    def _process(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        preexec_fn: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            argv,
            cwd=self.project,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            restore_signals=preexec_fn is None,  # Python ignores SIGPIPE from its beginning.
            preexec_fn=preexec_fn,
        )


def finished(process: subprocess.Popen[str], stdin: str = "") -> Done:
    """Wait for a command and return what it left behind."""
    out, err = process.communicate(stdin, timeout=SECONDS_MAX)
    return Done(process.returncode, out, err)
