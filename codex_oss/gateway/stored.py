"""Responses that are kept: put away as they end, shown, forgotten, and run in the background.

A turn's events pass through `remember`; ids enter the routes, JSON leaves. A response is in the
store before its terminal event is sent, and a store that cannot be written does not fail the turn
(bridge 2, 16, 17).
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256

from codex_oss.deadline import Deadline
from codex_oss.errors import BadRequest, BridgeError, Busy, NotFound
from codex_oss.gateway.conversations import ConversationStore, Json, StoredResponse
from codex_oss.gateway.receipts import OUTCOMES, Log
from codex_oss.gateway.turns import Served
from codex_oss.responses import Events, ResponseEvent, Turn
from codex_oss.server import HttpReply, HttpRequest
from codex_oss.system import Worker

LIMIT_DEFAULT, LIMIT_MAX = 20, 100  # Input items in one list (bridge 2).
RETRY_SECONDS = 5
CALLED_OFF = "cancelled by its caller"
RUNNING = ("queued", "in_progress")
BROKEN = {"code": "internal_error", "message": "something went wrong in the bridge"}
ID_DIGITS = 32


class StoredTurns:
    """What callers may ask for again. `background_max` turns run without a caller at once."""

    def __init__(self, store: ConversationStore, background_max: int, log: Log) -> None:
        self.store = store
        self._background_max = background_max
        self._log = log
        self._lock = threading.Lock()
        self._running: dict[str, Deadline] = {}

    # ---- as turns end ----------------------------------------------------------------------------

    def remember(self, turn: Turn, events: Iterator[Events]) -> Iterator[Events]:
        """Pass events on, and put the response away before its end is seen."""
        for burst in events:
            last = burst[-1]
            if isinstance(last, ResponseEvent) and last.type in OUTCOMES:
                burst = [*burst[:-1], self._kept(turn, last)]
            yield burst

    def _kept(self, turn: Turn, end: ResponseEvent) -> ResponseEvent:
        response = response_of(end)
        if self._save(turn, response):
            return end
        receipt = replace(end.receipt or turn.receipt, stored=False)
        told = {**response, "oss_receipt": receipt.to_json()}
        return replace(end, data={**end.data, "response": told}, receipt=receipt)

    def _save(self, turn: Turn, response: Json) -> bool:
        stored = stored_turn(turn, response)
        try:
            self.store.save(stored)
        except OSError as error:
            self._log({"level": "warning", "event": "not_stored", "reason": str(error)})
            return False
        return True

    # ---- without a caller ------------------------------------------------------------------------

    def start(self, served: Served, deadline: Deadline) -> HttpReply:
        """Run a turn on a thread of its own, and return it as queued."""
        turn, events = served
        with self._lock:
            if len(self._running) >= self._background_max:
                raise Busy(
                    f"{self._background_max} background responses run."
                    f" Please try again in {RETRY_SECONDS}s.",
                    hint="raise PROXY_BACKGROUND_MAX",
                    retry_after_seconds=RETRY_SECONDS,
                )
            self._running[turn.response_id] = deadline
        created = next(events)[0]
        assert isinstance(created, ResponseEvent)
        queued = {**response_of(created), "status": "queued", "background": True}
        self._save(turn, queued)
        Worker(lambda: self._run(turn, events, queued, deadline), name=turn.response_id)
        return HttpReply(200, queued)

    def _run(self, turn: Turn, events: Iterator[Events], queued: Json, deadline: Deadline) -> None:
        self._update(turn, {**queued, "status": "in_progress"})
        cancelled = {**queued, "status": "cancelled"}
        ended = {**queued, "status": "failed", "error": BROKEN}
        try:
            for burst in events:
                last = burst[-1]
                if isinstance(last, ResponseEvent) and last.type in OUTCOMES:
                    ended = {**response_of(last), "background": True}
        except BridgeError:
            ended = cancelled
        finally:
            if deadline.cancelled_because == CALLED_OFF:
                ended = cancelled
            self._update(turn, ended)
            with self._lock:
                self._running.pop(turn.response_id, None)

    def _update(self, turn: Turn, response: Json) -> None:
        """Put a running response away, unless it was cancelled or deleted meanwhile."""
        with self._lock:
            stored = self.store.load(turn.response_id)
            if stored and stored.status in RUNNING:
                self._save(turn, response)

    # ---- by id -----------------------------------------------------------------------------------

    def show(self, http: HttpRequest) -> HttpReply:
        if http.query.get("stream") == "true":
            raise BadRequest(
                "a stored response is not streamed again", code="unsupported_parameter"
            )
        return HttpReply(200, self._found(http).response)

    def delete(self, http: HttpRequest) -> HttpReply:
        stored = self._found(http)
        self._cancel(stored.id)
        with self._lock:
            self.store.delete(stored.id)
        return HttpReply(200, {"id": stored.id, "object": "response", "deleted": True})

    def cancel(self, http: HttpRequest) -> HttpReply:
        with self._lock:
            stored = self._found(http)
            if stored.response.get("background") is not True:
                told = "only a background response can be cancelled"
                raise BadRequest(told, hint="close its connection instead")
            if stored.status not in RUNNING:
                return HttpReply(200, stored.response)
            response = {**stored.response, "status": "cancelled"}
            self.store.save(replace(stored, status="cancelled", response=response))
        self._cancel(stored.id)
        return HttpReply(200, response)

    def input_items(self, http: HttpRequest) -> HttpReply:
        """List the items a response was asked with, newest first unless asked otherwise."""
        stored = self._found(http)
        limit, order = _limit(http.query.get("limit")), http.query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise BadRequest("order must be asc or desc")
        items = list(stored.items if order == "asc" else reversed(stored.items))
        if after := http.query.get("after"):
            ids = [item.get("id") for item in items]
            if after not in ids:
                raise BadRequest(f"after: there is no item {after}", code="item_not_found")
            items = items[ids.index(after) + 1 :]
        page = items[:limit]
        body: Json = {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(items) > limit,
        }
        return HttpReply(200, body)

    def _found(self, http: HttpRequest) -> StoredResponse:
        response_id = http.params["id"]
        stored = self.store.load(response_id)
        if stored is None:
            raise NotFound(
                f"Response with id '{response_id}' not found.",
                hint="it was never stored, or it is too old, or it was deleted",
            )
        return stored

    def _cancel(self, response_id: str) -> None:
        with self._lock:
            deadline = self._running.get(response_id)
        if deadline:
            deadline.cancel(CALLED_OFF)


def stored_turn(turn: Turn, response: Json) -> StoredResponse:
    """Return a turn as it is kept: its own new items, each with an id."""
    request = turn.request
    items = tuple(
        _with_id(item, f"{turn.response_id} {place}") for place, item in enumerate(request.given)
    )
    previous, status = request.previous_response_id, str(response["status"])
    return StoredResponse(turn.response_id, previous, status, response, items)


def _with_id(item: Mapping[str, object], seed: str) -> Json:
    """Return an item as `input_items` shows it."""
    shown = dict(item)
    if isinstance(shown.get("content"), str):
        content = [{"type": "input_text", "text": shown["content"]}]
        shown |= {"type": "message", "content": content}
    return {"id": f"msg_{sha256(seed.encode()).hexdigest()[:ID_DIGITS]}", **shown}


def response_of(event: ResponseEvent) -> Json:
    response = event.data["response"]
    assert isinstance(response, dict), event.type
    return response


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
        raise BadRequest(f"limit must be 1..{LIMIT_MAX}")
    return int(text)
