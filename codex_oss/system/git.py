"""Git, asked so that a repository cannot answer with code of its own.

Only questions that read the index and the objects stand here: they run no filter and no hook,
whatever the repository configures (missions 5.4). No `GIT_*` of our environment reaches git.
"""

import os
from pathlib import Path

from codex_oss.errors import ProcessFailed
from codex_oss.system.processes import minimal_env, run

ANSWER_SECONDS_MAX = 20.0  # `ls-files --others` walks the whole tree.
ANSWER_BYTES_MAX = 64 << 20  # The names of a million files.
SAFE = (
    *("--no-pager", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
)


def work_tree_above(folder: Path) -> Path | None:
    """Return the nearest folder, from this one upwards, that git would take for a work tree."""
    return next((at for at in (folder, *folder.parents) if os.path.lexists(at / ".git")), None)


class Git:
    """What git knows of a project. Its root may lie inside a work tree, or in none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._work_tree = work_tree_above(root)

    def tracked_and_untracked(self) -> tuple[str, ...] | None:
        """Return all files below the root that git does not ignore, sorted, relative to the root.

        None where git cannot say. A file may have been removed since it was tracked, and a name
        that is not UTF-8 comes as `os.fsdecode` gives it.
        """
        names = self._ask("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        if names is None:
            return None
        found = {os.fsdecode(name) for name in names.split(b"\0")}
        return tuple(sorted(name for name in found if name and not name.endswith("/")))

    def head(self) -> str:
        """Return the full id of the commit that is checked out, or "" where there is none."""
        commit = self._ask("rev-parse", "--verify", "--end-of-options", "HEAD^{commit}")
        return (commit or b"").decode().strip()

    def _ask(self, *arguments: str) -> bytes | None:
        if self._work_tree is None:
            return None
        env = minimal_env(
            LANG="C",
            LC_ALL="C",
            GIT_CONFIG_NOSYSTEM="1",
            GIT_DIR=str(self._work_tree / ".git"),
            GIT_WORK_TREE=str(self._work_tree),
        )
        try:
            done = run(
                ("git", *SAFE, *arguments),
                cwd=self._root,
                env=env,
                seconds_max=ANSWER_SECONDS_MAX,
                output_bytes_max=ANSWER_BYTES_MAX,
            )
        except ProcessFailed:  # There is no git here: then there is no answer, as outside of one.
            return None
        if done.timed_out or done.truncated:
            limit = f"{ANSWER_SECONDS_MAX:g} s" if done.timed_out else f"{ANSWER_BYTES_MAX} bytes"
            raise ProcessFailed(
                f"git {arguments[0]} did not end within {limit} in {self._root}",
                hint="add what need not be seen to .gitignore",
            )
        return None if done.exit_code else done.stdout
