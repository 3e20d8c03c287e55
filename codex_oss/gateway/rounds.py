"""How far a task has come that is worked on with the caller's tools, and what is asked of it next.

A `ChatRequest` and the text of its task enter; the number of tool rounds since leaves, the request
with long outputs cut, and the one that asks for the report. A reply enters, what is wrong with it
leaves (bridge 18).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby

from codex_oss.chat import ChatMessage, ChatReply, ChatRequest

INTENT_CHARS_MAX = 400
SAME_CALL_MAX = 2  # The third time brings nothing but cost.

_INTENT = re.compile(
    r"\W*(?:(?:okay|ok|sure|first|now|next)\W+)?"
    r"(?:i['’]ll|i will|i am going to|i['’]m going to|let me|let['’]s|running|starting)\b",
    re.IGNORECASE,
)
_SHOWS_WORK = re.compile(r"`|\w/\w|\b[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}\b")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class RoundLimits:
    """How many rounds a task may take: as many as it says itself, else `native`, never more than
    `most`, or `most_writing` for a task that was meant to write. Outputs are cut to
    `output_chars`; `tools_left` are the names of what may be called in the end."""

    native: int = 1
    most: int = 6
    most_writing: int = 3
    tools_left: tuple[str, ...] = ()
    output_chars: int = 20_000

    def budget(self, asked: int | None, *, may_write: bool) -> tuple[int, int]:
        """Return after how many rounds the report is due, and after how many nothing is called."""
        most = self.most_writing if may_write else self.most
        return min(most, self.native if asked is None else asked), most


def since_task(messages: Sequence[ChatMessage], task: str) -> Sequence[ChatMessage]:
    """Return what was said and done since the task was given."""
    for place in range(len(messages) - 1, -1, -1):
        message = messages[place]
        if message.role == "user" and message.text and task.startswith(message.text):
            return messages[place + 1 :]
    return messages


def rounds_in(messages: Iterable[ChatMessage]) -> int:
    """Return how many times calls were answered: those that came together are one round."""
    return sum(role == "tool" for role, _ in groupby(messages, key=lambda each: each.role))


def with_outputs_cut(request: ChatRequest, chars_max: int) -> ChatRequest:
    """Return the request with each longer tool output cut to its head and its tail, and with its
    length and digest, so that nobody takes it for whole."""
    messages = tuple(
        replace(each, text=_cut(each.text, chars_max)) if each.role == "tool" else each
        for each in request.messages
    )
    return replace(request, messages=messages)


def _cut(text: str, chars_max: int) -> str:
    if len(text) <= chars_max:
        return text
    digest = sha256(text.encode("utf-8", "replace")).hexdigest()
    left_out = f"\n[... cut: {len(text)} characters, sha256 {digest} ...]\n"
    head = (chars_max + 1) // 2
    return text[:head] + left_out + text[len(text) - chars_max // 2 :]


def asking_for_report(
    request: ChatRequest, deliverables: Sequence[str], rounds: int, tools_left: Sequence[str]
) -> ChatRequest:
    """Return the request that asks for the report. Only `tools_left` may still be called."""
    tools = tuple(tool for tool in request.tools if tool.name in tools_left)
    may = f"Only {', '.join(t.name for t in tools)} may still be called." if tools else "No tool is"
    words = [f"The tool budget of this task is used up ({rounds} rounds)."]
    words.append(may if tools else f"{may} left.")
    words.append("Write the final report now, from what the results above show. Say what is")
    words.append("missing, and do not announce anything.")
    asked = " ".join(words)
    if deliverables:
        asked += "\nIt must have:\n" + "\n".join(f"- {each}" for each in deliverables)
    return _told(replace(request, tools=tools, tool_choice="auto"), asked)


def asking_again(request: ChatRequest, said: str) -> ChatRequest:
    """Return the request after an answer that only announced something."""
    messages = (*request.messages, ChatMessage("assistant", said))
    told = "That only says what you are about to do. Do it now, or give the answer itself."
    return _told(replace(request, messages=messages), told)


def _told(request: ChatRequest, words: str) -> ChatRequest:
    return replace(request, messages=(*request.messages, ChatMessage("user", words)))


def is_intent(text: str) -> bool:
    """Whether an answer only announces something: short, and it shows neither file nor code."""
    text = text.strip()
    is_short = 0 < len(text) <= INTENT_CHARS_MAX
    return is_short and bool(_INTENT.match(text)) and not _SHOWS_WORK.search(text)


def fault_of(
    reply: ChatReply,
    history: Iterable[ChatMessage],
    request: ChatRequest,
    deliverables: Sequence[str],
    *,
    is_report: bool,
) -> str:
    """Return what is wrong with a reply: `intent_text`, `repeated_call`, `invalid_report` or ""."""
    if reply.calls:
        made = Counter((c.name, c.arguments) for message in history for c in message.calls)
        if any(made[c.name, c.arguments] >= SAME_CALL_MAX for c in reply.calls):
            return "repeated_call"
        known = {tool.name for tool in request.tools}
        is_foreign = is_report and not known.issuperset(c.name for c in reply.calls)
        return "invalid_report" if is_foreign else ""
    if is_intent(reply.text):
        return "intent_text"
    return "invalid_report" if is_report and not _has_all(reply.text, deliverables) else ""


def _has_all(text: str, deliverables: Sequence[str]) -> bool:
    """Whether each deliverable that is the name of a field occurs in a text that says anything. One
    that is a sentence cannot be looked for."""
    words = _plain(text)
    fields = (each for each in deliverables if _FIELD.fullmatch(each))
    return bool(text.strip()) and all(_plain(each) in words for each in fields)


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.lower()))
