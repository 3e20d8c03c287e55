"""How a prompt shows JSON: one value between a pair of tags, so that no content can close it.

The runtime writes blocks, the rehearsal model reads them, and both know the tags from here. A
value enters `block` and its text leaves; `blocks` is the way back. Inside a block `<` is always
`\\u003c`: a file that contains `</oss_mission>` stays inside the string it is quoted in.
"""

import json
import re
from contextlib import suppress

MISSION = "oss_mission"
"""What is asked: objective, tier, mission_id, scope, obligations, required_sources."""

OBSERVATION = "oss_observation"
"""What the runtime read before the first call: the same object as a tool result."""

STATE = "oss_state"
"""Where the run stands: phase, limits_left, evidence, claims, agenda, instruction, note."""

ANSWER = "oss_answer"
"""What a closer puts into words: `canonical_answer.v1`."""

_UNSAFE = re.compile("[<\ud800-\udfff]")  # A lone surrogate could not be sent as UTF-8.


def block(tag: str, value: object) -> str:
    """Return `value` as compact JSON between `<tag>` and `</tag>`."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"<{tag}>{_UNSAFE.sub(_escaped, text)}</{tag}>"


def blocks(tag: str, text: str) -> list[object]:
    """Return the values of all blocks of this tag, in order; what is no JSON is no block."""
    values = []
    for rest in text.split(f"<{tag}>")[1:]:
        body, end, _ = rest.partition(f"</{tag}>")
        with suppress(ValueError, RecursionError):
            values += [json.loads(body)] if end else []
    return values


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
