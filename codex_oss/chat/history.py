"""A conversation in the form that every provider takes: calls and results paired, nothing broken.

Messages in the order of the caller's history enter; what leaves has each result directly behind
its call, in call order, arguments that are JSON objects, ids that are legal, and the names of what
was mended. No message is dropped and no text of the conversation is lost (bridge 9). The caller's
own copy is not edited.
"""

import hashlib
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from codex_oss.chat.calls import json_object
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import ChatMessage, FunctionCall
from codex_oss.errors import BadRequest, Fault

_is_legal_id = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|([\[\]{}])', re.DOTALL)
_CLOSER = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Paired:
    """Messages fit to be sent, and what had to be mended, by name."""

    messages: tuple[ChatMessage, ...]
    repaired: tuple[str, ...] = ()


def pair(messages: Sequence[ChatMessage], *, has_tools: bool) -> Paired:
    """Bring a conversation into normal form.

    A result at its very end whose call is nowhere raises `BadRequest`: what the caller waits for
    could not be an answer to it.
    """
    _refuse_answer_to_nothing(messages)
    repairs: dict[str, None] = {}
    fitted = list(_paired(messages, repairs))
    if not has_tools and any(message.calls for message in fitted):
        repairs["calls_as_text"] = None  # Several servers refuse tool messages without tools.
        fitted = list(map(_as_text, fitted))
    if fitted and fitted[-1].role == "assistant":
        repairs["continued"] = None  # Codex tries a cut turn again with what was done of it.
        fitted.append(ChatMessage("user", "Continue exactly where the answer above stopped."))
    return Paired(tuple(fitted), tuple(repairs))


def argument_object(arguments: str) -> str:
    """Return `arguments` if they are a JSON object, else the nearest text that is one."""
    if json_object(arguments) is not None:
        return arguments
    if not arguments.strip():
        return "{}"
    closed = _closed(arguments)
    return closed if json_object(closed) is not None else to_json({"_raw": arguments})


def _refuse_answer_to_nothing(messages: Sequence[ChatMessage]) -> None:
    asked = {call.call_id for message in messages for call in message.calls}
    for message in reversed(messages):
        if message.role != "tool":
            return
        if message.call_id not in asked:
            told = f"No tool call found for function call output with call_id {message.call_id}."
            raise BadRequest(told, faults=[Fault("input", "invalid_prompt", told)])


def _paired(messages: Sequence[ChatMessage], repairs: dict[str, None]) -> Iterator[ChatMessage]:
    """Yield each result behind its call: the n-th of an id answers the n-th call of that id."""
    asked = Counter(call.call_id for message in messages for call in message.calls)
    results: defaultdict[str, deque[ChatMessage]] = defaultdict(deque)
    for message in messages:
        if message.role == "tool":
            results[message.call_id].append(message)
    seen: Counter[str] = Counter()
    for message in messages:
        if message.calls:
            yield _mended(message, repairs)
            for call in message.calls:
                yield _answer(call, results[call.call_id], repairs)
        elif message.role != "tool":
            yield message
        else:
            seen[message.call_id] += 1
            if seen[message.call_id] > asked[message.call_id]:
                repairs["result_without_call"] = None
                yield ChatMessage("user", f"[result of an earlier call] {message.text}")


def _mended(message: ChatMessage, repairs: dict[str, None]) -> ChatMessage:
    calls = tuple(_mended_call(call, repairs) for call in message.calls)
    return message if calls == message.calls else replace(message, calls=calls)


def _mended_call(call: FunctionCall, repairs: dict[str, None]) -> FunctionCall:
    call_id, arguments = _legal_id(call.call_id), argument_object(call.arguments)
    if arguments is not call.arguments:
        repairs["arguments"] = None
    elif call_id is call.call_id:
        return call
    return FunctionCall(call_id, call.name, arguments)


def _answer(
    call: FunctionCall, results: deque[ChatMessage], repairs: dict[str, None]
) -> ChatMessage:
    call_id = _legal_id(call.call_id)
    if results:
        result = results.popleft()
        return result if call_id is call.call_id else replace(result, call_id=call_id)
    repairs["missing_result"] = None
    return ChatMessage("tool", "[no result: the call was interrupted]", call_id=call_id)


def _legal_id(call_id: str) -> str:
    if _is_legal_id(call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"


def _as_text(message: ChatMessage) -> ChatMessage:
    if message.role == "tool":
        return ChatMessage("user", f"[result] {message.text}")
    told = [f"[called {call.name} with {call.arguments}]" for call in message.calls]
    text = "\n".join([message.text, *told] if message.text else told)
    return ChatMessage(message.role, text, reasoning=message.reasoning)


def _closed(text: str) -> str:
    """Return `text` with the quote and the brackets that are open at its end closed."""
    closers: list[str] = []
    for found in _STRING_OR_BRACKET.finditer(text):
        bracket = found[2]
        if bracket in _CLOSER:
            closers.append(_CLOSER[bracket])
        elif bracket and closers:
            closers.pop()
        elif not bracket and not found[1]:
            text += '"'
    return text + "".join(reversed(closers))
