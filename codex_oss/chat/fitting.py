"""A request as one model takes it: what anybody asked and a `Dialect` in, what to send and what had
to be changed out.

Pure, and the only place where a request is bent to a model, so that a fallback is the same call
with another dialect. Whatever is left out or changed has its name in the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.history import as_text, ensure_answerable, paired, with_ids
from codex_oss.chat.messages import ChatMessage, ChatRequest
from codex_oss.chat.modalities import readable
from codex_oss.chat.parameters import fit_parameters
from codex_oss.chat.replay import replayed
from codex_oss.chat.schemas import fit_tool


@dataclass(frozen=True, slots=True)
class Fitted:
    """A request that its dialect takes. The names are those of a `Served`."""

    request: ChatRequest
    dropped: tuple[str, ...] = ()
    downgraded: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    reasoning_dropped: tuple[tuple[str, int], ...] = ()


def fit(request: ChatRequest, dialect: Dialect) -> Fitted:
    """Bend a request to a dialect. Fitting what is fitted changes nothing.

    A result at its very end whose call is nowhere, and a file that the model cannot be shown, raise
    `BadRequest`.
    """
    changes = Changes()
    tools = tuple(fit_tool(tool, dialect, changes) for tool in request.tools)
    fitted, sentences = fit_parameters(request, dialect, changes)
    messages = _conversation(request.messages, dialect, changes, has_tools=bool(tools))
    messages = _led(messages, sentences, dialect)
    return Fitted(
        replace(fitted, messages=tuple(messages), tools=tools),
        changes.dropped,
        changes.downgraded,
        changes.repaired,
        changes.reasoning_dropped,
    )


def _conversation(
    messages: Sequence[ChatMessage], dialect: Dialect, changes: Changes, *, has_tools: bool
) -> list[ChatMessage]:
    ensure_answerable(messages)
    fitted = [
        readable(message, dialect, changes) if message.parts else message
        for message in paired(messages, changes)
    ]
    if not has_tools and any(message.calls for message in fitted):
        changes.repair("calls_as_text")  # Several servers refuse tool messages without tools.
        fitted = [as_text(m) if m.calls or m.role == "tool" else m for m in fitted]
    if fitted and fitted[-1].role == "assistant":
        changes.repair("continued")  # Codex tries a cut turn again with what was done of it.
        fitted.append(ChatMessage("user", "Continue exactly where the answer above stopped."))
    # What a model is sent back depends on where its last user message stands.
    fitted = list(replayed(fitted, dialect, changes, has_tools=has_tools))
    return list(with_ids(fitted, dialect))


def _led(
    messages: Sequence[ChatMessage], sentences: Sequence[str], dialect: Dialect
) -> list[ChatMessage]:
    """Put one system message first, and say later ones as most templates allow: by the user."""
    leading = [m.text for m in takewhile(lambda message: message.role == "system", messages)]
    system = "\n\n".join(filter(None, (*leading, *sentences)))
    rest = messages[len(leading) :]
    if not dialect.takes_late_system:
        rest = [_by_user(message) if message.role == "system" else message for message in rest]
    return [ChatMessage("system", system), *rest] if system else list(rest)


def _by_user(message: ChatMessage) -> ChatMessage:
    return ChatMessage("user", f"<developer>\n{message.text}\n</developer>")
