"""Responses that callers may ask for again: one row each, limited in age, number and bytes.

A finished turn enters, its response and its items leave by id. What is not stored here has no
other copy: Codex sends its whole history each time, and nothing of it is ever kept (bridge 16).
"""

import json
from dataclasses import dataclass, replace
from typing import Protocol

from codex_oss.deadline import Clock
from codex_oss.errors import BadRequest
from codex_oss.responses import previous_response_not_found
from codex_oss.system import Database

Json = dict[str, object]
CHAIN_MAX = 1_000  # Responses that one may continue, one behind the other.
CLEAN_EVERY = 100  # Writes.
ID_CHARS_MAX = 128  # Of a caller's id as an error repeats it: no response has a longer one.
MIGRATIONS = (
    "CREATE TABLE responses (id TEXT PRIMARY KEY, previous_id TEXT NOT NULL, created REAL NOT NULL,"
    " status TEXT NOT NULL, response TEXT NOT NULL, items TEXT NOT NULL, bytes INTEGER NOT NULL);"
    " CREATE INDEX responses_by_age ON responses (created);",
    """
    CREATE TABLE items (id TEXT NOT NULL, response_id TEXT NOT NULL);
    CREATE INDEX items_by_id ON items (id);
    CREATE INDEX items_by_response ON items (response_id);
    CREATE VIEW items_told AS
      SELECT json_extract(each.value, '$.id') AS id, responses.id AS response_id
        FROM responses, json_each(items) AS each
      UNION ALL
      SELECT json_extract(each.value, '$.id'), responses.id
        FROM responses, json_each(response, '$.output') AS each;
    CREATE TRIGGER items_of_new AFTER INSERT ON responses BEGIN
      DELETE FROM items WHERE response_id = new.id;
      INSERT INTO items SELECT * FROM items_told WHERE response_id = new.id AND id IS NOT NULL;
    END;
    CREATE TRIGGER items_of_gone AFTER DELETE ON responses BEGIN
      DELETE FROM items WHERE response_id = old.id;
    END;
    INSERT INTO items SELECT * FROM items_told WHERE id IS NOT NULL;
    """,
)
"""Tables of responses, and of their items by id: an agent may refer to hundreds in one request."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response with the input items it was asked with, each with an id."""

    id: str
    previous_id: str
    status: str
    response: Json
    items: tuple[Json, ...]

    @property
    def output(self) -> tuple[Json, ...]:
        found = self.response.get("output")
        return tuple(found) if isinstance(found, list) else ()

    def item(self, item_id: str) -> Json | None:
        """Return an input or output item by its id."""
        return next((i for i in (*self.items, *self.output) if i.get("id") == item_id), None)


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much is kept; the oldest go first (settings 3)."""

    seconds_max: float = 21_600
    responses_max: int = 2_000
    bytes_max: int = 268_435_456


class ConversationStore(Protocol):
    """Where responses are kept. Raises `OSError` where it cannot be written or read."""

    def save(self, stored: StoredResponse) -> None: ...

    def load(self, response_id: str) -> StoredResponse | None: ...

    def delete(self, response_id: str) -> bool:
        """Forget a response, and say whether there was one."""

    def find_item(self, item_id: str) -> Json | None:
        """Return an input or output item by its id."""


class SqliteConversations:
    """In the state database of a project."""

    def __init__(self, database: Database, limits: StoreLimits, clock: Clock) -> None:
        self._database = database
        self._limits = limits
        self._clock = clock
        self._writes = 0
        self._clean()
        self._end_what_was_running()

    def save(self, stored: StoredResponse) -> None:
        response = json.dumps(stored.response, ensure_ascii=False)
        items = json.dumps(stored.items, ensure_ascii=False)
        self._database.rows(
            "INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?, ?, ?)",
            stored.id,
            stored.previous_id,
            self._clock.now().timestamp(),
            stored.status,
            response,
            items,
            len(response) + len(items),
        )
        self._writes += 1
        if self._writes % CLEAN_EVERY == 0:
            self._clean()

    def load(self, response_id: str) -> StoredResponse | None:
        oldest = self._clock.now().timestamp() - self._limits.seconds_max
        rows = self._database.rows(
            "SELECT id, previous_id, status, response, items FROM responses"
            " WHERE id = ? AND created > ?",
            response_id,
            oldest,
        )
        if not rows:
            return None
        found, previous, status, response, items = map(str, rows[0])
        return StoredResponse(
            found, previous, status, json.loads(response), tuple(json.loads(items))
        )

    def delete(self, response_id: str) -> bool:
        sql = "DELETE FROM responses WHERE id = ? RETURNING id"
        return bool(self._database.rows(sql, response_id))

    def find_item(self, item_id: str) -> Json | None:
        sql = "SELECT response_id FROM items WHERE id = ? ORDER BY rowid DESC LIMIT 1"
        for (response_id,) in self._database.rows(sql, item_id):
            if stored := self.load(str(response_id)):
                return stored.item(item_id)
        return None

    def _end_what_was_running(self) -> None:
        """A background response survives its caller, not its daemon (bridge 17)."""
        sql = "SELECT id FROM responses WHERE status IN ('queued', 'in_progress')"
        for (response_id,) in self._database.rows(sql):
            stored = self.load(str(response_id))
            if stored:
                error = {"code": "server_error", "message": "the bridge was stopped meanwhile"}
                response = {**stored.response, "status": "failed", "error": error}
                self.save(replace(stored, status="failed", response=response))

    def _clean(self) -> None:
        """Remove what is too old, then the oldest of what is too much."""
        limits = self._limits
        oldest = self._clock.now().timestamp() - limits.seconds_max
        self._database.rows("DELETE FROM responses WHERE created <= ?", oldest)
        self._database.rows(
            "DELETE FROM responses WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER newest"
            " AS place, SUM(bytes) OVER newest AS sum FROM responses WINDOW newest AS"
            " (ORDER BY created DESC, rowid DESC)) WHERE place > ? OR sum > ?)",
            limits.responses_max,
            limits.bytes_max,
        )


class MemoryConversations:
    """The same for a while: for a socket's own turns, and for tests."""

    def __init__(self, responses_max: int = 1_000) -> None:
        self._kept: dict[str, StoredResponse] = {}
        self._responses_max = responses_max

    def save(self, stored: StoredResponse) -> None:
        self._kept[stored.id] = replace(stored)
        while len(self._kept) > self._responses_max:
            self._kept.pop(next(iter(self._kept)))

    def load(self, response_id: str) -> StoredResponse | None:
        return self._kept.get(response_id)

    def delete(self, response_id: str) -> bool:
        return self._kept.pop(response_id, None) is not None

    def find_item(self, item_id: str) -> Json | None:
        found = (stored.item(item_id) for stored in self._kept.values())
        return next(filter(None, found), None)


def chain_of(store: ConversationStore, response_id: str) -> list[Json]:
    """Return the items of a response and of all that it continues, oldest first."""
    chain: list[StoredResponse] = []
    while response_id:
        stored = store.load(response_id)
        if stored is None or len(chain) == CHAIN_MAX:
            raise previous_response_not_found(
                f"Previous response with id '{response_id[:ID_CHARS_MAX]}' not found."
            )
        if not chain and stored.status not in ("completed", "incomplete"):
            raise BadRequest(
                f"The response {response_id} is {stored.status} and cannot be continued.",
                code="previous_response_not_usable",
                hint="continue the response before it",
            )
        chain.append(stored)
        response_id = stored.previous_id
    return [item for stored in reversed(chain) for item in (*stored.items, *stored.output)]
