"""The Chat Completions wire: a fitted `ChatRequest` to the body of a request."""

from collections.abc import Iterator, Mapping

from codex_oss.chat.chat_reader import ChatReader
from codex_oss.chat.dialect import GENERIC, Dialect
from codex_oss.chat.efforts import effort_fields
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import (
    ChatMessage,
    ChatRequest,
    FilePart,
    FunctionTool,
    ImagePart,
    ResponseFormat,
    TextPart,
)

_SPLIT = "reasoning_split"


class ChatWire:
    """What OpenAI-compatible servers take, as this dialect has it."""

    path = "/chat/completions"

    def __init__(self, dialect: Dialect = GENERIC) -> None:
        self._dialect = dialect

    def headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"} if key else {}

    def streams(self, request: ChatRequest) -> bool:
        return self._dialect.streams_tools or not request.tools

    def reader(self, request: ChatRequest) -> ChatReader:
        return ChatReader(self._dialect, request.tools)

    def body(self, request: ChatRequest, upstream_model: str, *, stream: bool = True) -> bytes:
        """Return the body. What the request does not say is not sent: the provider decides it."""
        body: dict[str, object] = {
            "model": upstream_model,
            "messages": list(self._messages(request)),
            **self._parameters(request),
        }
        if stream and self.streams(request):
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        for refused in self._dialect.refused & body.keys():
            del body[refused]
        return to_json(body).encode("utf-8", "replace")

    def _parameters(self, request: ChatRequest) -> dict[str, object]:
        asked: dict[str, object] = {}
        if request.tools:
            asked["tools"] = [_tool(tool) for tool in request.tools]
            asked["tool_choice"] = _tool_choice(request.tool_choice)
            asked["parallel_tool_calls"] = request.parallel_calls
        asked |= {
            self._dialect.max_tokens_field: request.max_output_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "presence_penalty": request.presence_penalty,
            "frequency_penalty": request.frequency_penalty,
            "response_format": _response_format(request.response_format),
            "prompt_cache_key": request.cache_key or None,
        }
        said = {name: value for name, value in asked.items() if value is not None}
        return said | effort_fields(request.effort, self._dialect) | dict(self._dialect.extra)

    def _messages(self, request: ChatRequest) -> Iterator[dict[str, object]]:
        names: dict[str, str] = {}
        for message in request.messages:
            if message.role == "tool":
                name = names.get(message.call_id)
                named = {"name": name} if name else {}
                about = {"role": "tool", "tool_call_id": message.call_id}
                yield {**about, **named, "content": message.text}
            else:
                if self._dialect.names_results:
                    names |= {call.call_id: call.name for call in message.calls}
                yield self._message(message, has_tools=bool(request.tools))

    def _message(self, message: ChatMessage, *, has_tools: bool) -> dict[str, object]:
        said: dict[str, object] = {"role": message.role, "content": _content(message)}
        if message.role == "assistant":
            said |= self._reasoning(message, has_tools=has_tools)
        if message.calls:
            # Some servers refuse an empty text, all take null beside calls.
            said["content"] = said["content"] or None
            said["tool_calls"] = [
                {
                    "id": call.call_id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in message.calls
            ]
        return said

    def _reasoning(self, message: ChatMessage, *, has_tools: bool) -> Mapping[str, object]:
        dialect, text = self._dialect, message.reasoning
        if dialect.replay == "inline":
            return self._inline(message) if text else {}
        is_due = dialect.missing_reasoning == "empty" and (
            has_tools or not dialect.replay_needs_tools
        )
        return {dialect.reasoning_field: text} if text or is_due else {}

    def _inline(self, message: ChatMessage) -> Mapping[str, object]:
        if _SPLIT in self._dialect.extra and _SPLIT not in self._dialect.refused:
            return {"reasoning_details": [{"type": "reasoning.text", "text": message.reasoning}]}
        return {"content": f"<think>{message.reasoning}</think>{message.text}"}


def _content(message: ChatMessage) -> object:
    """Return a text, or the parts where there is more than text."""
    if not message.parts:
        return message.text
    text = [{"type": "text", "text": message.text}] if message.text else []
    return [*text, *map(_part, message.parts)]


def _part(part: TextPart | ImagePart | FilePart) -> dict[str, object]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case ImagePart(url, detail):
            image = {"url": url, "detail": detail} if detail else {"url": url}
            return {"type": "image_url", "image_url": image}
        case FilePart(filename, data):
            return {"type": "file", "file": {"filename": filename, "file_data": data}}


def _tool(tool: FunctionTool) -> dict[str, object]:
    function: dict[str, object] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.parameters
    if tool.strict:  # `false` is every server's default, and some refuse to hear it.
        function["strict"] = True
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> object:
    if choice == "auto":
        return None
    if choice in ("none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _response_format(wanted: ResponseFormat | None) -> object:
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    told = {
        "name": wanted.name,
        "schema": wanted.schema,
        "strict": wanted.strict,
        "description": wanted.description or None,
    }
    said = {name: value for name, value in told.items() if value is not None}
    return {"type": "json_schema", "json_schema": said}
