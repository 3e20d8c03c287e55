"""The requests that are sent: the same turn as Chat Completions, and as Responses."""

import json
from collections.abc import Mapping

Json = dict[str, object]

CODEX_TOOLS = 20
OUTPUT = "Chunk ID: 1\nProcess exited with code 0\nOutput:\n" + "src/module_7.py: value = 12\n" * 66


def http_request(path: str, port: int, key: str, body: Mapping[str, object]) -> bytes:
    payload = json.dumps(body, separators=(",", ":")).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        "Accept: text/event-stream",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + payload


def short_chat(model: str, streams: bool = True) -> Json:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
    return {"model": model, "messages": messages, **_streamed(streams)}


def short_turn(model: str, streams: bool = True) -> Json:
    said = {"type": "message", "role": "user", "content": [_input("Hello.")]}
    return {
        "model": model,
        "instructions": "Be brief.",
        "input": [said],
        "stream": streams,
        "store": False,
    }


def codex_chat(model: str, pairs: int) -> Json:
    messages: list[Json] = [{"role": "user", "content": "Find the values."}]
    for n in range(pairs):
        function = {"name": "exec_command", "arguments": _arguments(n)}
        call = {"id": f"call_{n}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"call_{n}", "content": OUTPUT})
    tools = [{"type": "function", "function": tool} for tool in map(_tool, range(CODEX_TOOLS))]
    return {"model": model, "messages": messages, "tools": tools, **_streamed(True)}


def codex_turn(model: str, pairs: int) -> Json:
    items: list[Json] = [
        {"type": "message", "role": "user", "content": [_input("Find the values.")]}
    ]
    for n in range(pairs):
        call = {"type": "function_call", "call_id": f"call_{n}", "name": "exec_command"}
        items.append(call | {"arguments": _arguments(n)})
        items.append({"type": "function_call_output", "call_id": f"call_{n}", "output": OUTPUT})
    return {
        "model": model,
        "input": items,
        "tools": [{"type": "function", **_tool(n)} for n in range(CODEX_TOOLS)],
        "tool_choice": "auto",
        "stream": True,
        "store": False,
    }


def _streamed(streams: bool) -> Json:
    return {"stream": True, "stream_options": {"include_usage": True}} if streams else {}


def _input(text: str) -> Json:
    return {"type": "input_text", "text": text}


def _arguments(n: int) -> str:
    return json.dumps({"cmd": f"rg -n 'value' src/module_{n}.py", "workdir": "/project"})


def _tool(n: int) -> Json:
    properties = {f"argument_{i}": {"type": "string", "description": "A path."} for i in range(6)}
    return {
        "name": "exec_command" if n == 0 else f"tool_{n}",
        "description": "Runs a command and returns what it wrote. " * 4,
        "parameters": {"type": "object", "properties": properties, "required": ["argument_0"]},
    }
