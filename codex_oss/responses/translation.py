"""A Responses request as a `ChatRequest`, and the receipt of what the way cost.

The caller's words, tools and parameters are all here, in no model's dialect: what a model is picky
about is `chat.fit`'s, so that a fallback can begin from the same request. Only what must be refused
before a stream begins is looked at here: an encrypted task, an answer to no call, and a file that
the model cannot read.
"""

from collections import Counter
from dataclasses import replace

from codex_oss.chat import (
    GENERIC,
    ChatMessage,
    ChatRequest,
    Dialect,
    FilePart,
    ensure_answerable,
    fit,
)
from codex_oss.responses.compaction import HAND_OVER
from codex_oss.responses.conversation import Conversation
from codex_oss.responses.receipts import NOTHING, Receipt
from codex_oss.responses.requests import ResponsesRequest
from codex_oss.responses.tasks import task_text

ONE_CALL = "Call at most one tool at a time, and wait for its result."


def to_chat_request(
    request: ResponsesRequest,
    dialect: Dialect = GENERIC,
    *,
    strips_tools: bool = False,
    one_call: bool = False,
    receipt: Receipt = NOTHING,
) -> tuple[ChatRequest, Receipt]:
    """Translate for a model that speaks `dialect`, or raise `Refused` for an encrypted task and
    `BadRequest` for what has no call or cannot be read. `strips_tools` and `one_call` are settings;
    `receipt` says who answers, and is returned with what the way cost."""
    task_text(request)  # An encrypted task reaches no provider, whichever lane forgot to look.
    asked, dropped = request.asked, request.dropped
    if strips_tools and asked.tools:
        asked, dropped = replace(asked, tools=(), tool_choice="auto"), (*dropped, "tools")
    rules = [request.instructions]
    if one_call and asked.tools:
        asked = replace(asked, parallel_calls=False)
        rules.append(ONE_CALL)
    said = Conversation(request.items, request.table)
    messages = tuple(said.messages(rules))
    has_images_last = said.ends_in_results and messages[-1].role == "user"
    if request.compacts:
        asked = ChatRequest((), effort=asked.effort, cache_key=asked.cache_key)
        messages = (*messages, ChatMessage("user", HAND_OVER))
    else:
        ensure_answerable(messages[:-1] if has_images_last else messages)
    asked = replace(asked, messages=messages)
    if any(isinstance(part, FilePart) for message in messages for part in message.parts):
        fit(asked, dialect)  # A file that the model cannot read is refused before any event.
    return asked, replace(
        receipt,
        dropped=dropped,
        repaired=request.repaired,
        reasoning_dropped=dict(Counter(request.reasoning_dropped) + said.lost),
    )
