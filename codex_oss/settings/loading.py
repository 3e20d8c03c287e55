"""Bring the sources together: flags, environment, env file, defaults; the first hit wins.

Faults of all sources are raised at once, warnings stay with the settings. The one thing made here
is a project's local key, at its first start.
"""

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_IMODE, S_IWOTH
from typing import Any

from codex_oss.errors import BadSettings, BridgeError, Fault
from codex_oss.layout import Layout, find_project
from codex_oss.settings.env_file import Assignment, read_assignments
from codex_oss.settings.kinds import is_loopback
from codex_oss.settings.notices import notices_of
from codex_oss.settings.rows import Setting
from codex_oss.settings.table import EFFECTIVE, SETTINGS, UPSTREAM_KEY_NAMES, Settings
from codex_oss.system import made_once, private_folder, random_bytes, read_bounded

FILE_BYTES_MAX = 65_536  # Of the env file, or of a file that holds one key.
SHOWN_CHARS_MAX = 60  # Of a value that is wrong.
REMOTE_KEY_CHARS_MIN = 32  # Of the key of a port that other machines reach.
LOCAL_KEY_NAMES = ("PROXY_API_KEY", "LITELLM_MASTER_KEY", "CODEX_OSS_LOCAL_TOKEN")
WELL_KNOWN_KEY = "sk-local-codex-bridge"  # Older texts told everybody to use it.
NAMES = frozenset(row.name for row in SETTINGS)
SECRET_FILES = {
    file: row.name
    for row in SETTINGS
    if row.is_secret and (file := f"{row.name}_FILE") not in NAMES
}
KEY_ENV = re.compile(r'"key_env"\s*:\s*"(\w+)"')


def settings_here(start: Path, flags: Mapping[str, str]) -> Settings:
    """Return what holds for a process started in `start`. A flag is named as its variable."""
    environ = os.environ | flags
    chosen = environ.get("CODEX_OSS_PROJECT")
    project = _placed(Path(chosen), environ, start) if chosen else find_project(start)
    return load_settings(environ, project.resolve())


def load_settings(environ: Mapping[str, str], project: Path | None) -> Settings:
    """Return what holds for this project, or raise `BadSettings` with every fault."""
    sources = _Sources(environ, project)
    if project:
        sources.take_env_file(Layout(project).env_file)
    sources.take_environment()
    settings = sources.settings()
    faults = (*sources.faults, *_contradictions(settings))
    if faults:
        raise BadSettings(f"{len(faults)} of the settings cannot be used", faults=faults)
    return settings


def with_local_key(settings: Settings) -> Settings:
    """Return settings whose callers have a key: the project's own, made at its first start."""
    if settings.local_key:
        return settings
    assert settings.codex_oss_project, "a key is kept in a project"
    layout = Layout(settings.codex_oss_project)
    layout.make()
    private_folder(layout.run_folder)
    return replace(settings, local_key=made_once(layout.local_key, _new_key).decode())


def _new_key() -> bytes:
    return b"sk-oss-" + urlsafe_b64encode(random_bytes(32)).rstrip(b"=")


@dataclass(frozen=True, slots=True)
class _Given:
    value: str
    where: str


class _Sources:
    """What was set, where, and what is wrong with it."""

    def __init__(self, environ: Mapping[str, str], project: Path | None) -> None:
        self.faults: list[Fault] = []
        self._environ = environ
        self._project = project
        self._given: dict[str, _Given] = {}
        self._warnings: list[Fault] = []

    def take_env_file(self, file: Path) -> None:
        data = self._read(file)
        if data is None:
            return
        found = file.stat()
        if S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.geteuid():
            self._warn(file.name, "env.file_mode", f"is not yours alone: run chmod 600 '{file}'")
        for line in read_assignments(data, file.name):
            if isinstance(line, Fault):
                self.faults.append(line)
            elif line.value:
                self._take(line, f"{file.name}:{line.line}")

    def _take(self, line: Assignment, where: str) -> None:
        secret = SECRET_FILES.get(line.name)
        if secret is None:
            self._given[line.name] = _Given(line.value, where)
        elif key := self._key_in(_placed(Path(line.value), self._environ, self._project)):
            self._given[secret] = _Given(key, where)
        else:
            self.faults.append(Fault(where, "no_key", f"{line.name} names no file with a key"))

    def take_environment(self) -> None:
        """Let the environment win. What is empty there is not set."""
        set_there = {name: value for name, value in self._environ.items() if value}
        self._given |= {name: _Given(value, "") for name, value in set_there.items()}
        if self._environ.get("PROXY_API_KEY") == "":
            message = "is empty: the installed key is still asked for"
            self._warn("PROXY_API_KEY", "settings.empty_key", message)

    def settings(self) -> Settings:
        """Return what could be read; a fault leaves the default in place for further checks."""
        # What a parser gives is what its field says: mypy compared them where the row stands.
        read = {row: self._value(row) for row in SETTINGS}
        values: dict[str, Any] = {row.name.lower(): read[row] for row in EFFECTIVE}
        values |= {"codex_oss_project": self._project}
        given = {name: each.value for name, each in self._given.items()}
        settings = replace(Settings(), **values, given=given, environ=self._environ)
        key = self._local_key(settings)
        if key == WELL_KNOWN_KEY:
            message = f"is the well-known {WELL_KNOWN_KEY}, which any program can guess: unset it"
            self._warn("PROXY_API_KEY", "settings.weak_key", message)
        keys = KEY_ENV.findall(settings.profiles_json)  # A profile's may have any name.
        self._warnings += notices_of(given, NAMES.union(keys), SECRET_FILES)
        if _may_be_replaced(settings.proxy_state_db):
            message = "lies in a folder where anybody may put a file in its place"
            self._warn("PROXY_STATE_DB", "bridge.state_db", message)
        if self._project and not self._project.is_dir():
            message = f"there is no folder {self._project}"
            self.faults.append(Fault("CODEX_OSS_PROJECT", "bad_value", message))
        return replace(settings, local_key=key, warnings=tuple(self._warnings))

    def _warn(self, name: str, code: str, message: str) -> None:
        self._warnings.append(Fault(name, code, message))

    def _value(self, row: Setting) -> object:
        given = self._given.get(row.name)
        try:
            value = row.parse(given.value if given else row.default)
        except ValueError as error:
            assert given, f"the default of {row.name} does not parse"
            self.faults.append(_wrong(row, given, error))
            value = row.parse(row.default)
        return _placed(value, self._environ, self._project) if isinstance(value, Path) else value

    def _local_key(self, settings: Settings) -> str:
        if named := [settings.given[name] for name in LOCAL_KEY_NAMES if name in settings.given]:
            return named[0]
        files = [settings.codex_home / "codex-oss" / "local.key"]
        files += [Layout(self._project).local_key] if self._project else []
        return next((key for file in files if (key := self._key_in(file))), "")

    def _key_in(self, file: Path) -> str:
        data = self._read(file)
        key = (data or b"").decode(errors="replace").strip()
        if data is not None and not re.fullmatch(r"[!-~]+", key):
            message, hint = "holds no key", "remove it, or write one line of visible ASCII there"
            self.faults.append(Fault(str(file), "no_key", message, hint=hint))
            return ""
        return key

    def _read(self, file: Path) -> bytes | None:
        try:
            return read_bounded(file, FILE_BYTES_MAX)
        except FileNotFoundError:
            return None
        except (OSError, BridgeError) as error:
            self.faults.append(Fault(str(file), "unreadable", f"cannot be read: {error}"))
            return None


def _placed(path: Path, environ: Mapping[str, str], base: Path | None) -> Path:
    """Return where a path leads that somebody wrote: `~` is his home, `base` the start."""
    if path.parts[:1] == ("~",):
        path = Path(environ.get("HOME", "/"), *path.parts[1:])
    return base / path if base else path


def _wrong(row: Setting, given: _Given, error: ValueError) -> Fault:
    shown = "" if row.is_secret else f', got "{given.value[:SHOWN_CHARS_MAX]}"'
    where = f"set in {given.where}; " if given.where else ""
    hint = f"{where}without it, the default is {row.default or 'empty'}"
    return Fault(row.name, "bad_value", f"{error}{shown}", hint=hint)


def _contradictions(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong between settings that are each right."""
    given = settings.given
    local = [name for name in LOCAL_KEY_NAMES if name in given]
    for name in local[1:]:
        if given[name] != given[local[0]]:
            hint = f"set one of them: {' and '.join(local)} are names of the same key"
            yield Fault(name, "contradiction", f"differs from {local[0]}", hint=hint)
    for name in (*UPSTREAM_KEY_NAMES, "OPENAI_API_KEY"):
        if settings.local_key and given.get(name) == settings.local_key:
            hint = "callers would learn your provider's key: give the bridge one of its own"
            yield Fault(name, "contradiction", "equals the local key", hint=hint)
    if settings.gpt_model_strategy == "openai" and not settings.openai_api_key:
        message, hint = "GPT_MODEL_STRATEGY=openai needs it", "set it, or GPT_MODEL_STRATEGY=error"
        yield Fault("OPENAI_API_KEY", "contradiction", message, hint=hint)
    if not is_loopback(settings.proxy_host):
        yield from _remote_faults(settings)


def _remote_faults(settings: Settings) -> Iterator[Fault]:
    if not settings.proxy_allow_remote:
        message = f"{settings.proxy_host} is reached by other machines"
        yield Fault("PROXY_HOST", "contradiction", message, hint="if so: PROXY_ALLOW_REMOTE=1")
    if 0 < len(settings.local_key) < REMOTE_KEY_CHARS_MIN:
        message = f"the local key has fewer than {REMOTE_KEY_CHARS_MIN} characters"
        yield Fault("PROXY_HOST", "contradiction", message, hint="unset PROXY_API_KEY: one is made")


def _may_be_replaced(path: Path | None) -> bool:
    folder = path and path.parent
    return bool(folder and folder.is_dir() and folder.stat().st_mode & S_IWOTH)
