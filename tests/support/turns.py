"""Whole turns without a socket: a request and a provider's bytes in, the client's events out.

`events_of` runs the pipeline as a bridge does; `check_events` holds what is true of every stream,
whatever the provider sent.
"""

import json
import unittest
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from codex_oss.chat import Burst, ChatReader, ChatRequest, Dialect, Served, fit
from codex_oss.responses import (
    Encoder,
    Past,
    Style,
    Turn,
    assemble,
    parse_request,
    to_chat_request,
)
from support.schema import faults_of_event, faults_of_response

Event = dict[str, Any]

RESPONSE_ID = "resp_" + "0123456789abcdef" * 2
KEY = b"a key of thirty-two bytes, fixed"
KIN = Dialect(family="kin", replay="preferred")
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}


def turn_of(
    body: bytes, codex_version: tuple[int, ...] | None = None, style: Style | None = None
) -> Turn:
    request = parse_request(body, Past(KEY))
    _, receipt = to_chat_request(request)
    return Turn(
        request,
        receipt,
        RESPONSE_ID,
        now=lambda: 1_790_000_000,
        codex_version=codex_version,
        family=KIN.family,
        seal_key=KEY,
        style=style or Style(),
    )


def fitted_of(turn: Turn) -> tuple[ChatRequest, Served]:
    """Return what a model of this family is sent for this turn, and what it says of that."""
    chat, _ = to_chat_request(turn.request)
    fitted = fit(chat, KIN)
    return fitted.request, Served(
        dropped=fitted.dropped,
        downgraded=fitted.downgraded,
        repaired=fitted.repaired,
        reasoning_dropped=fitted.reasoning_dropped,
    )


def bursts_of(reads: Iterable[bytes], reader: ChatReader) -> Iterator[Burst]:
    """Yield what a model over a socket would, for these reads of it."""
    for data in reads:
        yield reader.feed(data)
        if reader.is_over:
            break
    yield reader.finish()


def stream_of(turn: Turn, bursts: Iterable[Burst]) -> bytes:
    encoder = Encoder()
    return b"".join(encoder.encode(events) for events in assemble(turn, bursts))


def events_of(turn: Turn, reads: Iterable[bytes]) -> list[Event]:
    served: Burst = (fitted_of(turn)[1],)
    return parsed(stream_of(turn, chain([served], bursts_of(reads, ChatReader()))))


def parsed(stream: bytes) -> list[Event]:
    """Return the events of a client's stream, which must be framed to the byte as promised."""
    *blocks, end, rest = stream.split(b"\n\n")
    assert (end, rest) == (b"data: [DONE]", b""), stream[-200:]
    events = []
    for block in blocks:
        name, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode(), block
        events.append(event)
    return events


def check_events(test: unittest.TestCase, events: list[Event]) -> None:
    """Assert what is true of every stream."""
    kinds = [event["type"] for event in events]
    test.assertEqual(kinds[:2], ["response.created", "response.in_progress"])
    test.assertEqual([kind for kind in kinds if kind in TERMINAL], kinds[-1:])
    test.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
    test.assertEqual([fault for event in events for fault in faults_of_event(event)], [])
    test.assertEqual(faults_of_response(events[-1]["response"]), [])
    _check_items(test, events)


def _check_items(test: unittest.TestCase, events: list[Event]) -> None:
    output = events[-1]["response"]["output"]
    done = [event for event in events if event["type"] == "response.output_item.done"]
    test.assertEqual([event["item"] for event in done], output[: len(done)])
    test.assertEqual([event["output_index"] for event in done], list(range(len(done))))
    added = [event["item"]["id"] for event in events if event["type"].endswith("item.added")]
    test.assertEqual(added, [item["id"] for item in output][: len(added)])
    for item in output[len(done) :]:
        test.assertEqual(item["status"], "incomplete")
    for item in output[: len(added)]:
        mine = [event for event in events if event.get("item_id") == item["id"]]
        said = "".join(event.get("delta", "") for event in mine)
        test.assertEqual(said, text_of(item))
        for event in mine:
            if event["type"].endswith(".done"):
                told = event.get("part", event)
                text = next(told[name] for name in ("text", "arguments", "input") if name in told)
                test.assertEqual(text, said)


def text_of(item: Event) -> str:
    """Return the text of an item that comes in deltas, "" for one that comes whole."""
    match item["type"]:
        case "function_call":
            text = item["arguments"]
        case "custom_tool_call":
            text = item["input"]
        case "message" | "reasoning":
            parts = [*item.get("summary", []), *item.get("content", [])]
            text = "".join(part["text"] for part in parts)
        case _:
            text = ""
    assert isinstance(text, str)
    return text
