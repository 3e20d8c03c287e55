"""The history of a request: the items it refers to, and those it says.

`previous_response_id` and `input` enter, all items leave, oldest first, each answer to a call with
its call somewhere before it: in the history, or among what this process told in the last hour, for
callers that send outputs alone (bridge 9.3).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from codex_oss.chat import ChatMessage
from codex_oss.responses.calls import Call
from codex_oss.responses.items import FoundTools, Item, parse_item
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

ITEMS_MAX = 20_000  # A day of Codex is about 2,000.
TRIGGER = "compaction_trigger"


class History(NamedTuple):
    """`given` is the input as items, as the caller sent it; `compacts` says that its last one asks
    for a summary instead of an answer."""

    items: tuple[Item, ...]
    given: tuple[Json, ...]
    compacts: bool


def parse_history(value: object, previous: object, reading: Reading, compacts: bool) -> History:
    """Read all items. One that `compacts` may do so without any input but an earlier turn's."""
    chain = reading.past.chain(str(previous)) if previous else ()
    given = [] if compacts and chain and value is None else _given(value, reading)
    has_trigger = bool(given) and given[-1][1].get("type") == TRIGGER
    located = [
        (f"previous_response_id[{number}]", item)
        for number, item in enumerate(chain)
        if item.get("type") != TRIGGER
    ]
    located += given[:-1] if has_trigger else given
    found = ((path, parse_item(item, path, reading)) for path, item in located)
    said = [(path, item) for path, item in found if item is not None]
    compacts = compacts or has_trigger
    items = _with_calls(said, reading, ensure=not compacts)
    return History(tuple(items), tuple(item for _, item in given), compacts)


def _given(value: object, reading: Reading) -> list[tuple[str, Json]]:
    if isinstance(value, str):
        part = {"type": "input_text", "text": value}
        return [("input", {"type": "message", "role": "user", "content": [part]})]
    if not isinstance(value, list):
        reading.wrong("input", "a string or a list of items", value)
        return []
    if not 1 <= len(value) <= ITEMS_MAX:
        reading.fault("input", "invalid_value", f"expected 1 to {ITEMS_MAX:,} items")
        return []
    return reading.objects(value, "input")


def _with_calls(said: Sequence[tuple[str, Item]], reading: Reading, *, ensure: bool) -> list[Item]:
    """Return the items, and before answers whose call is missing the call, if we told it."""
    known = {item.call_id for _, item in said if isinstance(item, Call)}
    items = [item for _, item in said]
    if known.issuperset(filter(None, map(_answered, items))):
        return items
    items = []
    missing: list[tuple[str, str]] = []
    for are_answers, run in groupby(said, key=lambda each: bool(_answered(each[1]))):
        group, missing = list(run), []
        for path, item in group if are_answers else ():
            call_id = _answered(item)
            told = None if call_id in known else reading.past.call(call_id)
            call = told and parse_item(told, path, reading)
            if call:
                items.append(call)
            elif call_id not in known:
                missing.append((path, call_id))
            known.add(call_id)
        items += (item for _, item in group)
    for path, call_id in missing if ensure else ():  # Of the last run: what is to be answered.
        why = f"No tool call found for function call output with call_id {call_id}."
        reading.fault(path, "invalid_prompt", why)
    return items


def _answered(item: Item) -> str:
    """Return the id of the call that this answers, or ""."""
    if isinstance(item, ChatMessage):
        return item.call_id
    return item.call_id if isinstance(item, FoundTools) else ""
