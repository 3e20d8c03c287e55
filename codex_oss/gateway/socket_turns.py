"""Turns over one WebSocket, one after the other, each continuing the one before if it says so.

Messages enter, `response.create` each; the same events leave as over HTTP, a message each. The
last turn of a connection can be continued on it although nothing was stored; a continuation that
fails is forgotten with it (bridge 17; measured with Codex 0.130 to 0.169, `codex-facts` 11).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from codex_oss.errors import BadRequest, BridgeError
from codex_oss.gateway.conversations import (
    ConversationStore,
    Json,
    StoredResponse,
    chain_of,
)
from codex_oss.gateway.receipts import OUTCOMES
from codex_oss.gateway.stored import response_of, stored_turn
from codex_oss.gateway.turns import Served, TurnEncoder
from codex_oss.responses import Events, ResponseEvent, Turn
from codex_oss.server import (
    HttpReply,
    HttpRequest,
    StreamReply,
    WebSocket,
    WebSocketReply,
    answer_handshake,
    error_reply,
)

CREATE = "response.create"
NOT_HERE = {"stream": False, "background": True}
"""A socket always streams, and its caller is there. Codex 0.130 to 0.169 says `stream: true`."""

Begin = Callable[[HttpRequest, ConversationStore], Served]


class LastTurn:
    """The store as one connection sees it: what is stored, and the connection's own last turn."""

    def __init__(self, store: ConversationStore) -> None:
        self._store = store
        self._last: StoredResponse | None = None

    def load(self, response_id: str) -> StoredResponse | None:
        if self._last and self._last.id == response_id:
            return self._last
        return self._store.load(response_id)

    def remember(self, turn: Turn, response: Json) -> None:
        """Keep this turn with all that it continued: the turn before it is forgotten."""
        own = stored_turn(turn, response)
        earlier = chain_of(self, own.previous_id) if own.previous_id else []
        self._last = replace(own, previous_id="", items=(*earlier, *own.items))

    def save(self, stored: StoredResponse) -> None:
        self._store.save(stored)

    def delete(self, response_id: str) -> bool:
        return self._store.delete(response_id)

    def find_item(self, item_id: str) -> Json | None:
        return self._store.find_item(item_id)

    def forget(self) -> None:
        self._last = None


@dataclass(frozen=True, slots=True)
class SocketTurns:
    """Serves conversations. `begin` is what a POST does with a complete request, `warm_up` what is
    done with one that wants no answer."""

    begin: Begin
    warm_up: Begin
    store: ConversationStore

    def agree(self, http: HttpRequest) -> HttpReply | WebSocketReply:
        return answer_handshake(http.headers, partial(self._converse, http))

    def _converse(self, http: HttpRequest, conversation: WebSocket) -> None:
        last = LastTurn(self.store)
        http = replace(http, deadline=conversation.deadline)
        for text in conversation.messages():
            try:
                reply = self._turn(http, text, last)
            except BridgeError as error:
                last.forget()
                conversation.send(_told(error))
            else:
                conversation.relay(reply)

    def _turn(self, http: HttpRequest, text: str, last: LastTurn) -> StreamReply:
        document = _created(text)
        generates = document.pop("generate", True)
        body = json.dumps({**document, "stream": True}, ensure_ascii=False).encode()
        serve = self.warm_up if generates is False else self.begin
        turn, events = serve(replace(http, body=body), last)
        return StreamReply(TurnEncoder(turn), _kept(turn, events, last))


def _created(text: str) -> Json:
    """Return the request that a message holds."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the message is no JSON: {error}", code="invalid_json") from error
    if not isinstance(document, dict) or document.pop("type", None) != CREATE:
        raise BadRequest(f'a message is {{"type": "{CREATE}", ...}}', code="invalid_message")
    for name, unfit in NOT_HERE.items():
        if document.get(name) is unfit:
            raise BadRequest(f"{name} has no place in a message", code="unsupported_parameter")
    return document


def _kept(turn: Turn, events: Iterator[Events], last: LastTurn) -> Iterator[Events]:
    """Pass events on, and remember the turn with all that came before it."""
    for burst in events:
        end = burst[-1]
        if isinstance(end, ResponseEvent) and end.type in OUTCOMES:
            last.remember(turn, response_of(end))
        yield burst


def _told(error: BridgeError) -> str:
    reply = error_reply(error)
    assert isinstance(reply.body, dict)
    return json.dumps({"type": "error", "status": error.http_status, **reply.body})
