"""The history of a request: the items it refers to, and those it says.

`previous_response_id` and `input` enter, all items leave, oldest first, each answer to a call with
its call somewhere before it: in the history, or among what this process told in the last hour, for
callers that send outputs alone (bridge 9.3).
"""

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


def parse_history(
    value: object, previous: object, reading: Reading, *, compacts: bool, warms: bool
) -> History:
    """Read all items. One that `compacts` may do so without any input but an earlier turn's, one
    that `warms` a connection up without any."""
    chain = reading.past.chain(str(previous)) if previous else ()
    is_bare = value == [] if warms else compacts and bool(chain) and value is None
    given = [] if is_bare else _given(value, reading)
    has_trigger = bool(given) and given[-1][1].get("type") == TRIGGER
    located = [
        (f"previous_response_id[{number}]", item)
        for number, item in enumerate(chain)
        if item.get("type") != TRIGGER
    ]
    located += given[:-1] if has_trigger else given
    found = (parse_item(item, path, reading) for path, item in located)
    items = _with_calls([item for item in found if item is not None], reading)
    return History(tuple(items), tuple(item for _, item in given), compacts or has_trigger)


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


def _with_calls(items: list[Item], reading: Reading) -> list[Item]:
    """Return the items, and before the answers of a run the calls that are missing, if we told
    them."""
    known = {item.call_id for item in items if isinstance(item, Call)}
    if known.issuperset(filter(None, map(_answered, items))):
        return items
    whole: list[Item] = []
    for _, run in groupby(items, key=lambda item: bool(_answered(item))):
        group = list(run)
        missing = dict.fromkeys(x for x in map(_answered, group) if x and x not in known)
        told = (reading.past.call(call_id) for call_id in missing)
        calls = (parse_item(call, "input", reading) for call in told if call)
        whole += (call for call in calls if call)
        whole += group
    return whole


def _answered(item: Item) -> str:
    """Return the id of the call that this answers, or ""."""
    if isinstance(item, ChatMessage):
        return item.call_id
    return item.call_id if isinstance(item, FoundTools) else ""
