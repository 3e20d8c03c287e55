"""The items of a history as chat messages, in their order.

What stands before the first word of the conversation becomes one system message; neighbours that
the assistant thought, said or called become one assistant message; what a tool returned beside text
follows the results in a message of the user's, since results hold text only (bridge 7).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, groupby

from codex_oss.chat import ChatMessage, FunctionCall, ImagePart, TextPart
from codex_oss.responses.calls import Call
from codex_oss.responses.items import AgentMessage, FoundTools, Item, Note, Thought
from codex_oss.responses.names import ToolTable
from codex_oss.responses.parts import Part

Group = tuple[Item, ...]


class Conversation:
    """`lost` counts reasoning that has no place, by why it has none."""

    def __init__(self, items: Sequence[Item], table: ToolTable) -> None:
        self.lost: Counter[str] = Counter()
        self._items = items
        self._table = table

    @property
    def ends_in_results(self) -> bool:
        """Whether results are the last that is said, whatever stands beside them."""
        return bool(self._items) and _role(self._items[-1]) == "tool"

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """The names of calls by their ids."""
        calls = (self._function_call(item) for item in self._items if isinstance(item, Call))
        return {call.call_id: call.name for call in calls}

    def messages(self, instructions: Sequence[str]) -> list[ChatMessage]:
        """Return all messages. The system message begins with `instructions`."""
        groups = [(role, tuple(group)) for role, group in groupby(self._items, key=_role)]
        leading = groups.pop(0)[1] if groups and groups[0][0] == "system" else ()
        told, beside = _labelled(leading, lambda message: "the instructions")
        text = "\n\n".join(filter(None, (*instructions, *told)))
        messages = [ChatMessage("system", text)] if text else []
        messages += beside
        for role, group in groups:
            messages += self._said(role, group)
        return messages

    def _said(self, role: str, group: Group) -> Sequence[ChatMessage]:
        match role:
            case "assistant":
                return self._assistant(group)
            case "tool":
                return self._results(group)
            case "user":
                return [_user(item) for item in group]
        told, beside = _labelled(group, lambda message: "the instructions")
        return (*(ChatMessage("system", text) for text in told), *beside)

    def _assistant(self, group: Group) -> Sequence[ChatMessage]:
        """Return one message for all of them, or none where they say nothing."""
        if len(group) == 1 and isinstance(call := group[0], Call):  # Most of a long history.
            return (ChatMessage("assistant", calls=(self._function_call(call),)),)
        calls = tuple(self._function_call(item) for item in group if isinstance(item, Call))
        said = (item.text for item in group if isinstance(item, ChatMessage | Note))
        text = "\n\n".join(filter(None, said))
        thoughts = [item for item in group if isinstance(item, Thought)]
        if not (text or calls):
            self.lost["alone"] += len(thoughts)
            return ()
        family = thoughts[-1].family if thoughts else ""
        own = [thought for thought in thoughts if thought.family == family]
        self.lost["foreign"] += len(thoughts) - len(own)
        return (
            ChatMessage(
                "assistant",
                text,
                calls,
                reasoning="".join(thought.text for thought in own),
                reasoning_blocks=tuple(chain.from_iterable(thought.blocks for thought in own)),
                reasoning_family=family,
            ),
        )

    def _function_call(self, call: Call) -> FunctionCall:
        name = self._table.name_of(call.namespace, call.name)
        return FunctionCall(call.call_id, name, call.arguments)

    def _results(self, group: Group) -> Sequence[ChatMessage]:
        if len(group) == 1 and isinstance(only := group[0], ChatMessage) and not only.parts:
            return (only,)
        results = [self._result(item) for item in group]
        if not any(result.parts for result in results):
            return results
        told, beside = _labelled(results, lambda each: f"call {self._names.get(each.call_id, '?')}")
        labelled = (replace(each, text=x, parts=()) for each, x in zip(results, told, strict=True))
        return (*labelled, *beside)

    def _result(self, item: Item) -> ChatMessage:
        if isinstance(item, ChatMessage):
            return item
        assert isinstance(item, FoundTools)
        names = ", ".join(self._table.name_of(*name) for name in item.names)
        text = f"Found, and callable from here on: {names}" if names else "Found nothing."
        return ChatMessage("tool", text, call_id=item.call_id)


def _role(item: Item) -> str:
    if isinstance(item, (ChatMessage, Note)):
        return item.role
    if isinstance(item, (Call, Thought)):
        return "assistant"
    return "tool" if isinstance(item, FoundTools) else "user"


def _user(item: Item) -> ChatMessage:
    match item:
        case AgentMessage(message) | (ChatMessage() as message):
            return message
        case Note(role, text):
            return ChatMessage(role, text)
    raise AssertionError(item)


def _labelled(
    group: Sequence[Item], of_what: Callable[[ChatMessage], str]
) -> tuple[list[str], tuple[ChatMessage, ...]]:
    """Return the texts of these messages, with a label where something else stands, and what
    stands there, each behind its label, as one message of the user's."""
    texts: list[str] = []
    beside: list[Part] = []
    for message in group:
        assert isinstance(message, ChatMessage)
        words = [message.text] if message.text else []
        number: Counter[str] = Counter()
        for part in message.parts:
            if isinstance(part, TextPart):
                words.append(part.text)
                continue
            kind = "image" if isinstance(part, ImagePart) else "file"
            number[kind] += 1
            label = f"[{kind} {number[kind]} of {of_what(message)}]"
            words.append(label)
            beside += (TextPart(label), part)
        texts.append("\n".join(words))
    return texts, (ChatMessage("user", "", parts=tuple(beside)),) if beside else ()
