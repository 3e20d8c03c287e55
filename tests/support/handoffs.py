"""Legacy handoffs: the object, its text, and the same with labels."""

import json

OBJECT: dict[str, object] = {
    "schema_version": 1,
    "role": "scout",
    "goal": "Say how the timeout is set.",
    "task_type": "scout",
    "owned_paths": [],
    "read_only_paths": ["src/config.py", "src/main.py"],
    "forbidden_actions": ["do not edit"],
    "verification_steps": [],
    "deliverable_fields": [],
    "completion_rule": "when it is found",
    "escalation_rule": "if it is not",
}


def handoff(**changes: object) -> str:
    """Return the text that hands over OBJECT, but for `changes`."""
    return f"OSS_HANDOFF_JSON:\n{json.dumps(OBJECT | changes)}"


def labelled(*more: str, owned: str = "", read_only: str = "", deliverable: str = "") -> str:
    """Return a handoff with labels, its lists from texts with commas."""
    lists = {"OWNED PATHS": owned, "READ-ONLY PATHS": read_only, "DELIVERABLE": deliverable}
    lines = [f"{name}: {text}" for name, text in lists.items() if text]
    return "\n".join(("GOAL: Say how the timeout is set.", *lines, *more))
