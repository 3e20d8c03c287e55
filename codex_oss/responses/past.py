"""What is kept of earlier turns, for requests that refer to it instead of saying it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from codex_oss.errors import BadRequest, Fault

Json = Mapping[str, object]


def _no_chain(response_id: str) -> Sequence[Json]:
    raise previous_response_not_found("no response is stored here")


def _nothing(name: str) -> Json | None:
    return None


@dataclass(frozen=True, slots=True)
class Past:
    """`chain` returns the input and output items up to a response, oldest first, or raises
    `previous_response_not_found`; `item` returns a stored item by its id, `call` an item of a call
    that this process told by its call id. `key` is what envelopes are sealed with."""

    key: bytes = b""
    chain: Callable[[str], Sequence[Json]] = _no_chain
    item: Callable[[str], Json | None] = _nothing
    call: Callable[[str], Json | None] = _nothing


NO_PAST = Past()


def previous_response_not_found(why: str) -> BadRequest:
    path, code = "previous_response_id", "previous_response_not_found"
    hint = "send the whole history as `input`"
    return BadRequest(why, code=code, hint=hint, faults=[Fault(path, code, why, hint)])
