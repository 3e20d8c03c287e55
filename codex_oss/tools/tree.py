"""See what stands on the disk below a root: how names are spelled there and where links lead.

Relative paths enter and leave. A tree is looked at for one question and then forgotten: each
folder is listed once, so that thousands of paths cost hundreds of system calls. What it says may be
old a moment later; opening does not trust it.
"""

import os
import posixpath
from contextlib import suppress
from pathlib import Path
from unicodedata import normalize

_BARE_REPOSITORIES = ({"HEAD", "objects", "refs"}, {"HEAD", "commondir"})
"""What git takes for its own folder, however that is called (gitrepository-layout(5))."""


class Tree:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._listings: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._real: dict[str, str | None] = {".": "."}
        self._in_repository: dict[str, bool] = {}

    def real_path(self, path: str) -> str | None:
        """Return where a path ends, as it is spelled there; `None` where that is not below the
        root. What does not exist stands below its nearest folder that does."""
        if path not in self._real:
            folder, name = _split(path)
            real_folder = self.real_path(folder)
            self._real[path] = real_folder and self._follow(real_folder, name)
        return self._real[path]

    def entry(self, real_path: str) -> os.DirEntry[str] | None:
        """Return what stands at a path that has no links in it."""
        folder, name = _split(real_path)
        return self.listing(folder).get(name)

    def listing(self, folder: str) -> dict[str, os.DirEntry[str]]:
        """Return the entries of a folder by name, sorted; nothing where it cannot be listed."""
        if folder not in self._listings:
            entries: list[os.DirEntry[str]] = []
            with suppress(OSError), os.scandir(self._root / folder) as found:
                entries.extend(found)
            self._listings[folder] = {e.name: e for e in sorted(entries, key=lambda e: e.name)}
        return self._listings[folder]

    def is_in_repository(self, real_path: str) -> bool:
        """Whether git keeps objects in a folder on this way, under whatever name."""
        if real_path not in self._in_repository:
            names = self.listing(real_path).keys()
            here = any(wanted <= names for wanted in _BARE_REPOSITORIES)
            above = real_path != "." and self.is_in_repository(_split(real_path)[0])
            self._in_repository[real_path] = here or above
        return self._in_repository[real_path]

    def _follow(self, folder: str, name: str) -> str | None:
        entry = self._find(folder, name)
        path = _join(folder, entry.name if entry else name)
        if entry is None or not entry.is_symlink():
            return path
        try:
            target = os.path.relpath(os.path.realpath(self._root / path), self._root)
        except OSError:  # It was swapped while we looked: opening will not follow it either.
            return path
        if target == ".." or target.startswith("../"):
            return None
        spelled = "."
        for part in target.split("/"):  # No links are left, but a loop of them stays as it is.
            found = self._find(spelled, part)
            spelled = _join(spelled, found.name if found else part)
        return spelled

    def _find(self, folder: str, name: str) -> os.DirEntry[str] | None:
        """Return the entry that the file system would open for a name: on some disks it has other
        letters, and on others no letters that our normal form can spell."""
        listing = self.listing(folder)
        if name in listing:
            return listing[name]
        for entry in listing.values():
            if not entry.name.isascii() and normalize("NFC", entry.name) == name:
                return entry
        with suppress(OSError):
            found = (self._root / folder / name).lstat()
            for entry in listing.values():
                if os.path.samestat(found, entry.stat(follow_symlinks=False)):
                    return entry
        return None


def _split(path: str) -> tuple[str, str]:
    folder, name = posixpath.split(path)
    return folder or ".", name


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"
