"""What a request leaves to be looked up: the response it continues, items it names by id.

The body of a request enters and leaves whole: stored items stand where they were only named, and
what is not part of one turn (`background`, `previous_response_id`) stands beside it. Bodies that
name nothing, as Codex's, pass untouched and unparsed (bridge 7, 16).
"""

import json
from dataclasses import dataclass, replace
from hashlib import sha256

from codex_oss.errors import BadRequest
from codex_oss.gateway.conversations import ConversationStore, Json, chain_of
from codex_oss.responses import ResponsesRequest

NAMED = (b'"previous_response_id"', b'"item_reference"', b'"background"')
ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's body, complete. `own` is its input as it came, without what it continues;
    `None` where that is all of it."""

    body: bytes
    previous_id: str = ""
    is_background: bool = False
    own: list[Json] | None = None

    def items(self, seed: str) -> tuple[Json, ...]:
        """Return its own items, each with an id: its own, or one made of `seed` and its place."""
        own = items_of(json.loads(self.body).get("input")) if self.own is None else self.own
        return tuple(_with_id(item, f"{seed} {place}") for place, item in enumerate(own))


def resolve(body: bytes, store: ConversationStore) -> Asked:
    """Return the request with everything in it that it named."""
    if not any(word in body for word in NAMED):
        return Asked(body)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return Asked(body)  # What is wrong with it is said where it is read.
    if not isinstance(document, dict):
        return Asked(body)
    is_background = document.get("background") is True
    _refuse_contradictions(document, is_background)
    if is_background:
        document["background"] = False
    previous = document.pop("previous_response_id", None) or ""
    if previous and not isinstance(previous, str):
        raise BadRequest("$.previous_response_id must be a string or null", code="invalid_prompt")
    own = items_of(document.get("input"))
    earlier = [
        item for stored in chain_of(store, previous) for item in (*stored.items, *stored.output)
    ]
    known = {item.get("id"): item for item in earlier if item.get("id")}
    document["input"] = [*earlier, *(_referred(item, known) for item in own)]
    whole = json.dumps(document, ensure_ascii=False).encode()
    return Asked(whole, previous, is_background, own)


def continued(request: ResponsesRequest, asked: Asked) -> ResponsesRequest:
    """Return the request with the echo of what stood beside its turn."""
    if not asked.previous_id and not asked.is_background:
        return request
    beside = {
        "previous_response_id": asked.previous_id or None,
        "background": asked.is_background,
    }
    return replace(request, echo={**request.echo, **beside})


def _refuse_contradictions(document: Json, is_background: bool) -> None:
    for name, value in (("stream", True), ("store", False)):
        if is_background and document.get(name) is value:
            raise BadRequest(
                f"background with {name}:{json.dumps(value)} is not supported",
                code="unsupported_parameter",
                hint="ask for the response by its id",
            )


def items_of(value: object) -> list[Json]:
    """Return the items of an input. What is not a list of objects is judged where it is read."""
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": value}]
    return list(value) if isinstance(value, list) else []


def _referred(item: Json, known: dict[object, Json]) -> Json:
    if not isinstance(item, dict) or item.get("type") != "item_reference":
        return item
    found = known.get(item.get("id"))
    if found is None:
        raise BadRequest(f"Item with id '{item.get('id')}' not found.", code="item_not_found")
    return found


def _with_id(item: Json, seed: str) -> Json:
    """Return an item as `input_items` shows it."""
    if isinstance(item.get("content"), str):
        content = [{"type": "input_text", "text": item["content"]}]
        item = {**item, "type": "message", "content": content}
    return {"id": f"msg_{sha256(seed.encode()).hexdigest()[:ID_DIGITS]}", **item}
