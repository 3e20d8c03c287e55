"""A request for a provider that speaks the Responses API itself: passed on, but for what is ours.

The body as the caller sent it enters, the body for the provider leaves: its own model's name, and
nothing that only this bridge can read. A foreign envelope would break the provider's thread, and
ours would be one there (codex-facts 9).
"""

from codex_oss.chat import to_json
from codex_oss.errors import BadRequest, Fault
from codex_oss.responses.bodies import Body
from codex_oss.responses.envelope import REASONING, SUMMARY, unseal_summary
from codex_oss.responses.items import SUMMARY_HEAD, UNREADABLE
from codex_oss.responses.past import Json


def relayed_body(body: Body, upstream_model: str, key: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the provider's body, and the names of what was left out or became text."""
    values, dropped = {**body.values, "model": upstream_model}, dict[str, None]()
    given = values.get("input")
    if isinstance(given, list):
        kept = (_relayed(item, f"input[{n}]", key, dropped) for n, item in enumerate(given))
        values["input"] = [item for item in kept if item is not None]
    return to_json(values).encode("utf-8", "replace"), tuple(dropped)


def _relayed(item: object, path: str, key: bytes, dropped: dict[str, None]) -> object:
    token = item.get("encrypted_content") if isinstance(item, dict) else None
    if not isinstance(token, str) or not isinstance(item, dict):
        return item
    if token.startswith(f"{REASONING}."):
        dropped["item:reasoning"] = None
        return None
    if token.startswith(f"{SUMMARY}."):
        dropped["item:compaction"] = None
        return _as_message(unseal_summary(key, token), path)
    return item


def _as_message(summary: str | None, path: str) -> Json:
    if summary is None:
        code, told, hint = UNREADABLE
        raise BadRequest(told, code=code, hint=hint, faults=[Fault(path, code, told, hint)])
    part = {"type": "input_text", "text": f"{SUMMARY_HEAD}\n{summary}"}
    return {"type": "message", "role": "user", "content": [part]}
