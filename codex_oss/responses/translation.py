"""A Responses request as a `ChatRequest`, and the receipt of what the way cost.

The order of the history is kept. What stands before the first word of the conversation becomes one
system message; neighbours that the assistant said or called become one assistant message (bridge
7); pairing and repair are `chat.pair`'s.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby, takewhile

from codex_oss.chat import ChatMessage, ChatRequest, FunctionCall, pair
from codex_oss.responses.items import AgentMessage, Item, LeftOut
from codex_oss.responses.receipts import Receipt
from codex_oss.responses.requests import ResponsesRequest
from codex_oss.responses.tasks import task_text


def to_chat_request(request: ResponsesRequest) -> tuple[ChatRequest, Receipt]:
    """Translate, or raise `Refused` for an encrypted task and `BadRequest` for an answer to no
    call. The receipt's lane, profile and wire are for the caller to fill in."""
    task_text(request)  # An encrypted task reaches no provider, whichever lane forgot to look.
    messages = tuple(_conversation(request.instructions, request.items))
    fitted = pair(messages, has_tools=bool(request.tools))
    chat = ChatRequest(
        messages=fitted.messages,
        tools=request.tools,
        tool_choice=request.tool_choice,
        parallel_calls=None if request.parallel_calls else False,
        max_output_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
    )
    receipt = Receipt(
        dropped=request.dropped,
        repaired=request.repaired + fitted.repaired,
        stored=False if request.store else None,  # Asked for, and nothing is kept.
    )
    return chat, receipt


def _conversation(instructions: str, items: Iterable[Item]) -> Iterator[ChatMessage]:
    said = [_message(item) for item in items if not isinstance(item, LeftOut)]
    leading = list(takewhile(lambda message: message.role == "system", said))
    system = "\n\n".join(filter(None, (instructions, *(message.text for message in leading))))
    if system:
        yield ChatMessage("system", system)
    for role, group in groupby(said[len(leading) :], key=lambda message: message.role):
        if role == "assistant":
            yield from _merged(tuple(group))
        elif role == "system":
            texts = (message.text for message in group)
            yield from (ChatMessage("user", f"<developer>\n{x}\n</developer>") for x in texts)
        else:
            yield from group


def _message(item: ChatMessage | FunctionCall | AgentMessage) -> ChatMessage:
    match item:
        case ChatMessage():
            return item
        case FunctionCall():
            return ChatMessage("assistant", calls=(item,))
        case AgentMessage():
            return ChatMessage("user", item.text)


def _merged(group: tuple[ChatMessage, ...]) -> Iterator[ChatMessage]:
    """Yield one assistant message for all of them, or none where they say nothing."""
    if len(group) == 1 and (group[0].text or group[0].calls):
        yield group[0]
        return
    text = "\n\n".join(message.text for message in group if message.text)
    calls = tuple(call for message in group for call in message.calls)
    if text or calls:
        yield ChatMessage("assistant", text, calls)
