"""The official openai SDK as a program: a line of JSON asks for one function, a line answers.

Every object and every event goes through the SDK's own types, strictly: the SDK itself only copies
what it gets. Then it is written back and must be what came, and it must fit the public schema, as
the jsonschema package reads it. `support/sdks.py` starts this program and speaks to it.
"""

import asyncio
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import jsonschema
import openai
from openai.types import Model
from openai.types.responses import (
    CompactedResponse,
    Response,
    ResponseItem,
)
from openai.types.responses.input_token_count_response import InputTokenCountResponse
from pydantic import BaseModel, TypeAdapter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support import schema  # noqa: E402

Json = dict[str, object]
POLL_SECONDS = 0.05
POLLS_MAX = 200


class Weather(BaseModel):
    """What `parse` asks for."""

    city: str
    degrees: int


@cache
def adapter(kind: object) -> TypeAdapter:
    return TypeAdapter(kind)


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    components = {"components": {"schemas": schema.schemas()}}
    root = {"$ref": f"#/components/schemas/{name}", **components}
    return jsonschema.Draft202012Validator(root)


def checked(value: BaseModel, kind: object, public: str = "") -> Json:
    """Return what came, after the SDK's type and the public schema have taken it."""
    came = value.to_dict(mode="json")
    written = json.dumps(came)
    again = adapter(kind).validate_json(written, strict=True)
    kept = adapter(kind).dump_python(again, mode="json", by_alias=True, exclude_unset=True)
    assert kept == came, f"the SDK's types do not keep it:\n{kept}\n{came}"
    if public:
        jsonschema_takes(public, came)
    return came


def jsonschema_takes(name: str, value: Json) -> None:
    faults = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message:.300}"
        for error in validator(name).iter_errors(value)
    ]
    assert not faults, f"not a {name}: {faults}"


def checked_event(event: BaseModel) -> Json:
    came = checked(event, type(event))  # It chose the type by the name of the event.
    kind = schema.SAME_EVENT.get(came["type"], came["type"])
    if kind in schema.events():  # Custom tool calls are not in the public document.
        name = next(n for n, s in schema.schemas().items() if s is schema.events()[kind])
        jsonschema_takes(name, {**came, "type": kind})
    return came


def checked_response(response: BaseModel) -> Json:
    return checked(response, Response, "ResponseResource")


def events_of(stream: Iterable[BaseModel]) -> list[Json]:
    return [checked_event(event) for event in stream]


def create(client: openai.OpenAI, **body: object) -> Json:
    response = client.responses.create(**body)
    return {"response": checked_response(response), "text": response.output_text}


def create_async(client: openai.OpenAI, **body: object) -> Json:
    async def act() -> Json:
        same = openai.AsyncOpenAI(
            base_url=client.base_url, api_key=client.api_key, max_retries=0, timeout=30
        )
        async with same:
            said = await same.responses.create(**body)
            stream = await same.responses.create(**body, stream=True)
            return {
                "text": said.output_text,
                "events": [checked_event(event) async for event in stream],
            }

    return asyncio.run(act())


def stream(client: openai.OpenAI, **body: object) -> Json:
    with client.responses.create(**body, stream=True) as events:
        return {"events": events_of(events)}


def accumulate(client: openai.OpenAI, **body: object) -> Json:
    """Let the SDK put the stream together: it keeps a snapshot, and refuses events out of order."""
    kinds = []
    with client.responses.stream(**body) as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    return {"kinds": kinds, "text": final.output_text, "output": final.to_dict()["output"]}


def parse(client: openai.OpenAI, **body: object) -> Json:
    parsed = client.responses.parse(**body, text_format=Weather)
    return {"parsed": parsed.output_parsed.model_dump(), "text": parsed.output_text}


def parse_streamed(client: openai.OpenAI, **body: object) -> Json:
    with client.responses.stream(**body, text_format=Weather) as events:
        return {"parsed": events.get_final_response().output_parsed.model_dump()}


def retrieve(client: openai.OpenAI, response_id: str) -> Json:
    return {"response": checked_response(client.responses.retrieve(response_id))}


def delete(client: openai.OpenAI, response_id: str) -> Json:
    raw = client.responses.with_raw_response.delete(response_id)
    return {"deleted": json.loads(raw.text)}


def cancel(client: openai.OpenAI, response_id: str) -> Json:
    return {"response": checked_response(client.responses.cancel(response_id))}


def input_items(client: openai.OpenAI, response_id: str, **query: object) -> Json:
    """Return all pages as the SDK walks them, and the first page as it came."""
    page = client.responses.input_items.list(response_id, **query)
    first = page.to_dict(mode="json")
    return {"items": [checked(item, ResponseItem) for item in page], "first": first}


def in_background(client: openai.OpenAI, **body: object) -> Json:
    """Start a response and poll it to its end, as the SDK's guide says."""
    response = client.responses.create(**body, background=True)
    states = [response.status]
    for _ in range(POLLS_MAX):
        if response.status not in ("queued", "in_progress"):
            break
        time.sleep(POLL_SECONDS)
        response = client.responses.retrieve(response.id)
        states.append(response.status)
    return {"states": states, "response": checked_response(response)}


def compact(client: openai.OpenAI, **body: object) -> Json:
    return {"compacted": checked(client.responses.compact(**body), CompactedResponse)}


def input_tokens(client: openai.OpenAI, **body: object) -> Json:
    counted = client.responses.input_tokens.count(**body)
    return {"counted": checked(counted, InputTokenCountResponse)}


def models(client: openai.OpenAI) -> Json:
    listed = [checked(model, Model) for model in client.models.list()]
    return {"listed": listed, "each": [client.models.retrieve(m["id"]).id for m in listed[:3]]}


def model(client: openai.OpenAI, name: str) -> Json:
    return {"model": checked(client.models.retrieve(name), Model)}


def on_a_socket(client: openai.OpenAI, turns: list[Json]) -> Json:
    """Take turns on one WebSocket; each continues the response before it."""
    ended, previous = [], {}
    with client.responses.connect() as connection:
        for turn in turns:
            connection.response.create(**turn, **previous)
            for event in connection:
                checked_event(event)
                if event.type in ("response.completed", "response.failed", "error"):
                    ended.append(event.to_dict(mode="json"))
                    break
            previous = {"previous_response_id": ended[-1]["response"]["id"]}
    return {"ended": ended}


FUNCTIONS: Mapping[str, Callable[..., Json]] = {
    function.__name__: function
    for function in (
        create,
        create_async,
        stream,
        accumulate,
        parse,
        parse_streamed,
        retrieve,
        delete,
        cancel,
        input_items,
        in_background,
        compact,
        input_tokens,
        models,
        model,
        on_a_socket,
    )
}


def answer(asked: Json) -> Json:
    client = openai.OpenAI(
        base_url=asked["base_url"], api_key=asked["key"], max_retries=0, timeout=30
    )
    try:
        with client:
            return {"ok": FUNCTIONS[asked["do"]](client, **asked["arguments"])}
    except openai.APIStatusError as error:
        kept = ("status_code", "code", "param", "type", "request_id", "message")
        return {"refused": {"is": type(error).__name__, **{k: getattr(error, k) for k in kept}}}
    except Exception:
        return {"broken": traceback.format_exc()}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
