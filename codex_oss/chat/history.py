"""A conversation in the form that every provider takes: calls and results paired, nothing broken.

Messages in the order of the caller's history enter; what leaves has each result directly behind
its call, in call order, and arguments that are JSON objects. No message is dropped and no text of
the conversation is lost (bridge 9). The caller's own copy is not edited.
"""

import hashlib
import re
from collections import Counter, defaultdict, deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from codex_oss.chat.calls import json_object
from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import ChatMessage, FunctionCall
from codex_oss.errors import BadRequest, Fault

ID_CHARS_MAX = 300  # Of a caller's id as an error repeats it: Codex's longest (codex-facts 6).

_is_legal_id = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|([\[\]{}])', re.DOTALL)
_CLOSER = {"[": "]", "{": "}"}


def ensure_answerable(messages: Sequence[ChatMessage]) -> None:
    """Raise `BadRequest` if the conversation ends in the result of a call that is nowhere in it:
    what the caller waits for could not be an answer to that."""
    ends_in_result = bool(messages) and messages[-1].role == "tool"
    asked = {call.call_id for message in messages if ends_in_result for call in message.calls}
    for message in reversed(messages):
        if message.role != "tool":
            return
        if message.call_id not in asked:
            call_id = message.call_id[:ID_CHARS_MAX]
            told = f"No tool call found for function call output with call_id {call_id}."
            raise BadRequest(told, faults=[Fault("input", "invalid_prompt", told)])


def paired(messages: Sequence[ChatMessage], changes: Changes) -> Iterator[ChatMessage]:
    """Yield each result behind its call, and arguments that are objects."""
    if not _is_paired(messages):
        return regrouped(messages, changes)
    return (_mended(each, changes) if each.calls else each for each in messages)


def regrouped(messages: Sequence[ChatMessage], changes: Changes) -> Iterator[ChatMessage]:
    """Yield the same of any history: the n-th result of an id answers the n-th call of that id."""
    asked = Counter(call.call_id for message in messages for call in message.calls)
    results: defaultdict[str, deque[ChatMessage]] = defaultdict(deque)
    for message in messages:
        if message.role == "tool":
            results[message.call_id].append(message)
    seen: Counter[str] = Counter()
    for message in messages:
        if message.calls:
            yield _mended(message, changes)
            for call in message.calls:
                yield _answer(call, results[call.call_id], changes)
        elif message.role != "tool":
            yield message
        else:
            seen[message.call_id] += 1
            if seen[message.call_id] > asked[message.call_id]:
                changes.repair("result_without_call")
                yield ChatMessage("user", f"[result of an earlier call] {message.text}")


def argument_object(arguments: str) -> str:
    """Return `arguments` if they are a JSON object, else the nearest text that is one."""
    if json_object(arguments) is not None:
        return arguments
    if not arguments.strip():
        return "{}"
    closed = _closed(arguments)
    return closed if json_object(closed) is not None else to_json({"_raw": arguments})


def as_text(message: ChatMessage) -> ChatMessage:
    """Tell calls and results in words, for a model that cannot be shown them."""
    if message.role == "tool":
        return ChatMessage("user", f"[result] {message.text}")
    told = [f"[called {call.name} with {call.arguments}]" for call in message.calls]
    text = "\n".join([message.text, *told] if message.text else told)
    return replace(message, text=text, calls=())


def with_ids(messages: Sequence[ChatMessage], dialect: Dialect) -> Iterator[ChatMessage]:
    """Give paired calls and results ids that the dialect takes, no two in one message alike."""
    if dialect.call_ids == "plain" and all(map(_has_plain_ids, messages)):
        return iter(messages)
    return renamed(messages, dialect)


def renamed(messages: Iterable[ChatMessage], dialect: Dialect) -> Iterator[ChatMessage]:
    """Do so whatever ids there are."""
    count = 0
    new_ids: Iterator[str] = iter(())
    for message in messages:
        if message.calls:
            ids: dict[str, None] = {}
            for call in message.calls:
                ids[_id_of(call, count, dialect, ids)] = None
                count += 1
            new_ids = iter(ids)
            calls = tuple(_renamed(*each) for each in zip(message.calls, ids, strict=True))
            yield message if calls == message.calls else replace(message, calls=calls)
        elif message.role == "tool":
            call_id = next(new_ids)
            yield message if call_id == message.call_id else replace(message, call_id=call_id)
        else:
            yield message


def _is_paired(messages: Iterable[ChatMessage]) -> bool:
    """Whether each result stands behind its call, as Codex sends them."""
    due: list[str] = []
    for message in messages:
        if message.role == "tool":
            if not due or due.pop(0) != message.call_id:
                return False
        elif due:
            return False
        elif message.calls:
            due = [call.call_id for call in message.calls]
    return not due


def _has_plain_ids(message: ChatMessage) -> bool:
    ids = [call.call_id for call in message.calls]
    return all(map(_is_legal_id, ids)) and len(set(ids)) == len(ids)


def _mended(message: ChatMessage, changes: Changes) -> ChatMessage:
    if all(json_object(call.arguments) is not None for call in message.calls):
        return message
    return replace(message, calls=tuple(_mended_call(each, changes) for each in message.calls))


def _mended_call(call: FunctionCall, changes: Changes) -> FunctionCall:
    arguments = argument_object(call.arguments)
    if arguments is call.arguments:
        return call
    changes.repair("arguments")
    return replace(call, arguments=arguments)


def _answer(call: FunctionCall, results: deque[ChatMessage], changes: Changes) -> ChatMessage:
    if results:
        return results.popleft()
    changes.repair("missing_result")
    return ChatMessage("tool", "[no result: the call was interrupted]", call_id=call.call_id)


def _id_of(call: FunctionCall, count: int, dialect: Dialect, taken: Container[str]) -> str:
    if dialect.call_ids == "kimi":
        return f"functions.{call.name}:{count}"
    call_id = call.call_id if _is_legal_id(call.call_id) else _hashed(call.call_id)
    return call_id if call_id not in taken else _hashed(f"{call.call_id}\0{count}")


def _hashed(seed: str) -> str:
    return f"call_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"


def _renamed(call: FunctionCall, call_id: str) -> FunctionCall:
    return call if call_id == call.call_id else replace(call, call_id=call_id)


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
