"""Files and folders for a while, where the system keeps what is temporary. Private to us."""

import os
from pathlib import Path


def scratch_file(prefix: str, data: bytes) -> Path:
    from tempfile import mkstemp  # 6 ms to import, and a cold `status` needs none of it.

    fd, name = mkstemp(prefix=prefix, suffix=".txt")
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    return Path(name)


def scratch_folder(prefix: str) -> Path:
    from tempfile import mkdtemp

    return Path(mkdtemp(prefix=prefix)).resolve()


def remove_scratch(folder: Path) -> None:
    from shutil import rmtree

    rmtree(folder, ignore_errors=True)


def remove_tree(folder: Path) -> None:
    """Remove a folder of ours with all that is in it. No link is followed; one in its place is an
    `OSError`."""
    from shutil import rmtree

    rmtree(folder)
