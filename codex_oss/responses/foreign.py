"""Items that no model behind the bridge has a form for: one line, or the item itself as text.

JSON enters, text leaves: bounded, and without binary data. What OpenAI's servers ran was part of
the conversation and is told in a line; a type that nobody knows is shown as it came (bridge 7).
"""

from codex_oss.chat import to_json
from codex_oss.responses.past import Json

LINE_CHARS_MAX = 2_000
ITEM_BYTES_MAX = 8 * 1024
TYPE_CHARS_MAX = 64

HOSTED: dict[str, tuple[str, ...]] = {  # Type: the fields that tell what was done.
    "web_search_call": ("action.query", "action.url", "action.pattern"),
    "file_search_call": ("queries",),
    "code_interpreter_call": ("code",),
    "image_generation_call": ("revised_prompt",),
    "computer_call": ("action",),
    "computer_call_output": (),
    "mcp_call": ("name", "arguments", "output"),
    "mcp_list_tools": ("server_label",),
    "mcp_approval_request": ("name", "arguments"),
    "mcp_approval_response": ("approve", "reason"),
    "tool_search_call": ("arguments",),
}


def line_of(item: Json, kind: str) -> str:
    """Return what a hosted call did, on one line."""
    words = " ".join(filter(None, (_shown(_at(item, field)) for field in HOSTED[kind])))
    line = " ".join(words.split())[: LINE_CHARS_MAX - len(kind) - 4]
    return f"[{kind}: {line}]" if line else f"[{kind}]"


def text_of_item(item: Json, kind: str) -> str:
    shown = to_json(item).encode()[:ITEM_BYTES_MAX].decode("utf-8", "ignore")
    return f'<item type="{kind[:TYPE_CHARS_MAX]}">{shown}</item>'


def _at(item: Json, field: str) -> object:
    value: object = item
    for key in field.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _shown(value: object) -> str:
    if value is None or isinstance(value, str):
        return "" if value is None or value.startswith("data:") else value
    return " ".join(map(_shown, value)) if isinstance(value, list) else to_json(value)
