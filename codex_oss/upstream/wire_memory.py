"""Which wire a model turned out to speak, beyond the process that found out.

A model at an address and a wire enter; for a week the wire leaves again, from the state database of
the project. After that somebody may have mended it: it is found out anew (bridge 11).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, Protocol

from codex_oss.chat import TranslatedWire
from codex_oss.deadline import Clock
from codex_oss.system import Database

SECONDS_MAX = 7 * 86_400.0
WIRES_TABLE = (
    "CREATE TABLE learned_wires (base_url TEXT NOT NULL, model TEXT NOT NULL, wire TEXT NOT NULL,"
    " learned REAL NOT NULL, PRIMARY KEY (base_url, model));"
)


class ModelAt(NamedTuple):
    """A model by its provider's name for it: names of profiles may change hands."""

    base_url: str
    model: str


class WireMemory(Protocol):
    def find(self, model: ModelAt) -> TranslatedWire | None: ...

    def save(self, model: ModelAt, wire: TranslatedWire) -> None: ...

    def forget(self, model: ModelAt) -> None: ...

    def wires(self) -> Mapping[ModelAt, TranslatedWire]:
        """Return all that is remembered."""


class ProcessWires:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._wires: dict[ModelAt, TranslatedWire] = {}

    def find(self, model: ModelAt) -> TranslatedWire | None:
        return self._wires.get(model)

    def save(self, model: ModelAt, wire: TranslatedWire) -> None:
        self._wires[model] = wire

    def forget(self, model: ModelAt) -> None:
        self._wires.pop(model, None)

    def wires(self) -> Mapping[ModelAt, TranslatedWire]:
        return dict(self._wires)


class SqliteWires:
    """Remembers for a week. A database that cannot be written costs one refused request a start."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._learned: dict[ModelAt, tuple[TranslatedWire, float]] = {}
        rows = database.rows("SELECT base_url, model, wire, learned FROM learned_wires")
        for url, model, wire, learned in rows:
            spoken: TranslatedWire = "anthropic" if wire == "anthropic" else "chat"
            self._learned[ModelAt(str(url), str(model))] = spoken, float(learned or 0)

    def find(self, model: ModelAt) -> TranslatedWire | None:
        return self.wires().get(model)

    def save(self, model: ModelAt, wire: TranslatedWire) -> None:
        now = self._clock.now().timestamp()
        self._learned[model] = wire, now
        with suppress(OSError):
            sql = "INSERT OR REPLACE INTO learned_wires VALUES (?, ?, ?, ?)"
            self._database.rows(sql, *model, wire, now)

    def forget(self, model: ModelAt) -> None:
        self._learned.pop(model, None)
        with suppress(OSError):
            sql = "DELETE FROM learned_wires WHERE base_url = ? AND model = ?"
            self._database.rows(sql, *model)

    def wires(self) -> Mapping[ModelAt, TranslatedWire]:
        oldest = self._clock.now().timestamp() - SECONDS_MAX
        learned = list(self._learned.items())
        return {model: wire for model, (wire, at) in learned if at > oldest}
