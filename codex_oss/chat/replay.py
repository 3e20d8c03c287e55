"""Which of its own reasoning a model is sent back, by its dialect's rule (bridge 10).

Paired messages enter, and leave with the reasoning that is to be sent, unchanged, or with none.
What is left out is counted by its reason. Where a model must have reasoning that is not there, the
exchange is told as text: it refuses calls without it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.history import as_text
from codex_oss.chat.messages import ChatMessage

_MUST_HAVE = ("always", "tool_chain")  # These use a text of which nobody says whose it is.


def replayed(
    messages: Sequence[ChatMessage], dialect: Dialect, changes: Changes, *, has_tools: bool
) -> Iterator[ChatMessage]:
    takes_any = dialect.replay != "none" and (has_tools or not dialect.replay_needs_tools)
    reasons = {  # Of messages that have reasoning, why it is not sent, "" where it may be.
        n: _why_not(message, dialect, takes_any)
        for n, message in enumerate(messages)
        if message.reasoning or message.reasoning_blocks
    }
    if not reasons and dialect.missing_reasoning != "as_text":
        yield from messages
        return
    start, told = _chain(messages, dialect, reasons)
    is_text = False
    for n, message in enumerate(messages):
        if message.role != "tool":
            is_text = n in told
        if n in reasons:
            reason = reasons[n] or ("older" if n < start else "")
            message = _with_reasoning(message, dialect, reason, changes)
        if is_text and message.calls:
            changes.repair("calls_as_text")
        yield as_text(message) if is_text else message


def _chain(
    messages: Sequence[ChatMessage], dialect: Dialect, reasons: Mapping[int, str]
) -> tuple[int, Collection[int]]:
    """Return where the messages begin whose reasoning is sent, and whose calls are told as text."""
    is_chain, start = dialect.replay == "tool_chain", 0
    if is_chain:
        users = (n for n, message in enumerate(messages, 1) if message.role == "user")
        start = max(users, default=0)
    if dialect.missing_reasoning != "as_text":
        return start, ()
    untold = [
        n
        for n, message in enumerate(messages)
        if n >= start and message.calls and (reasons.get(n) or not message.reasoning)
    ]
    if not is_chain or not untold:
        return start, frozenset(untold)
    # Told as text, results are the user's: the chain starts behind the last of them.
    return untold[-1] + 1, (untold[-1],)


def _why_not(message: ChatMessage, dialect: Dialect, takes_any: bool) -> str:
    family = message.reasoning_family
    is_vouched = family == dialect.family
    rows = (
        (not takes_any, "not_taken"),
        (bool(family) and not is_vouched, "foreign"),
        (dialect.replay == "blocks" and not message.reasoning_blocks, "unsigned"),
        (not is_vouched and dialect.replay not in _MUST_HAVE, "unvouched"),
    )
    return next((reason for is_so, reason in rows if is_so), "")


def _with_reasoning(
    message: ChatMessage, dialect: Dialect, reason: str, changes: Changes
) -> ChatMessage:
    """Return a message with what is sent of its reasoning: blocks or text."""
    if reason:
        changes.drop_reasoning(reason)
        return replace(message, reasoning="", reasoning_blocks=())
    if dialect.replay == "blocks":
        return replace(message, reasoning="")
    return replace(message, reasoning_blocks=()) if message.reasoning_blocks else message
