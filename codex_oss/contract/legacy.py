"""Two older ways to write a task, and the contract that each of them amounts to.

A legacy handoff object or a prose task with labels enters; a MissionV1 document leaves. Scope is
taken from the lists of paths alone, never from words that look like paths (missions 2).
"""

import re
from collections.abc import Mapping, Sequence

from codex_oss.contract.kinds import Choice, Flag, Many, Nullable, PathText, Text, Whole
from codex_oss.contract.mission import SCHEMA_VERSION
from codex_oss.contract.records import Field, Members, Record
from codex_oss.contract.tiers import tier_of

READING_TASKS = ("scout", "review", "docs_support")
WRITING_TASKS = ("bounded_write", "implementation")
RULE_CHARS_MAX = 4_000
EXACT_CONTENT_CHARS_MAX = 60_000

_RULE = Text(RULE_CHARS_MAX)
_RULES = Many(_RULE, 50)
PATHS = Many(PathText(keeps_slash=True), 200)

LEGACY = Record(
    (
        Field("schema_version", Whole(1, 1)),
        Field("role", _RULE),
        Field("goal", _RULE),
        Field("task_type", Choice(READING_TASKS + WRITING_TASKS)),
        Field("owned_paths", PATHS),
        Field("read_only_paths", PATHS),
        Field("forbidden_actions", _RULES),
        Field("verification_steps", _RULES),
        Field("deliverable_fields", _RULES),
        Field("completion_rule", _RULE),
        Field("escalation_rule", _RULE),
        Field("write_allowed", Flag(), False),
        Field("exact_content", Nullable(Text(EXACT_CONTENT_CHARS_MAX, least=0)), None),
        Field("proof_critical", Flag(), False),
        Field("mission_id", Nullable(Text(64, pattern="[a-z0-9_-]+")), None),
    )
)

_LABELS = (
    *("ROLE", "GOAL", "OBJECTIVE", "MISSION ID", "TASK TYPE", "OWNED PATHS", "READ-ONLY PATHS"),
    *("DO NOT TOUCH", "VERIFICATION STEPS", "DELIVERABLE", "COMPLETION RULE", "ESCALATION RULE"),
)
MORE_LABELS = ("WRITE ALLOWED", "PROOF CRITICAL", "FORBIDDEN ACTIONS")
"""What a legacy handoff in prose may say beside them, as its object can."""

_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")
_NOTHING = ("", "-", "none", "n/a")


def is_legacy(value: object) -> bool:
    version = value.get("schema_version") if isinstance(value, dict) else None
    return isinstance(version, int) and not isinstance(version, bool) and version == 1


def mission_of_legacy(handoff: Mapping[str, object], tier: str) -> dict[str, object]:
    """Return the contract that says the same as a well-formed legacy handoff, as far as a contract
    can: what it cannot enforce is kept under `x_legacy`."""
    said = Members(handoff)
    row = tier_of(tier)
    writes = said.text("task_type") in WRITING_TASKS
    if row is None or row.makes_patches != writes:
        tier = "A5" if writes else "A3"
    kept = ("role", "forbidden_actions", "verification_steps", "completion_rule", "escalation_rule")
    named = {"mission_id": said.text("mission_id")} if said.text("mission_id") else {}
    return {
        **_document(
            tier,
            said.text("goal"),
            said.texts("read_only_paths"),
            said.texts("owned_paths"),
            said.texts("deliverable_fields"),
        ),
        **named,
        "x_legacy": {name: handoff[name] for name in kept},
    }


def labels_of(text: str, more: Sequence[str] = ()) -> dict[str, str]:
    """Return what stands behind each label at a line start, up to the next label."""
    names = "|".join((*_LABELS, *more))
    label_at = re.compile(rf"^[ \t]*({names})[ \t]*:", re.IGNORECASE | re.MULTILINE)
    _, *pieces = label_at.split(text)
    said: dict[str, str] = {}
    for label, body in zip(pieces[::2], pieces[1::2], strict=True):
        name = label.upper()
        name = "GOAL" if name == "OBJECTIVE" else name
        said[name] = f"{said.get(name, '')}\n{body}".strip()
    return said


def missing_labels(said: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a prose task lacks: a goal, or a list of paths."""
    goal = () if said.get("GOAL") else ("GOAL",)
    paths = said.get("OWNED PATHS") or said.get("READ-ONLY PATHS")
    return goal if paths else (*goal, "READ-ONLY PATHS or OWNED PATHS")


def mission_of_prose(said: Mapping[str, str], tier: str) -> dict[str, object]:
    """Return the contract of a prose task, without an id unless it names one."""
    document = _document(
        tier,
        said["GOAL"],
        paths_in(said.get("READ-ONLY PATHS", "")),
        paths_in(said.get("OWNED PATHS", "")),
        lines_in(said.get("DELIVERABLE", "")),
    )
    kept = ("ROLE", "TASK TYPE", "VERIFICATION STEPS", "COMPLETION RULE", "ESCALATION RULE")
    task = {name.lower().replace(" ", "_"): said[name] for name in kept if name in said}
    named = {"mission_id": said["MISSION ID"].lower()} if said.get("MISSION ID") else {}
    forbidden = {"forbidden_roots": paths_in(said.get("DO NOT TOUCH", ""))}
    return {**document, **named, **forbidden, "x_native_task": task}


def _document(
    tier: str,
    objective: str,
    readable: Sequence[str],
    owned: Sequence[str],
    deliverables: Sequence[str],
) -> dict[str, object]:
    row = tier_of(tier)
    assert row is not None, tier
    patches = {"owned_paths": list(owned), "write_allowed": row.may_write}
    readable = [*readable] if row.makes_patches else [*readable, *owned]
    return {
        "schema_version": SCHEMA_VERSION,
        "tier": row.name,
        "mode": row.mode,
        "objective": objective,
        **({"risk_tier": "critical"} if row.name == "A6" else {}),
        "allowed_roots": [path for path in readable if not is_file(path)],
        "allowed_paths": [path for path in readable if is_file(path)],
        **(patches if row.makes_patches else {}),
        "allowed_tool_classes": ["read", "search", "list"] if row.has_tools else [],
        "answer_obligations": list(deliverables),
    }


def is_file(path: str) -> bool:
    """Guess from the name alone. A file that is taken for a root is allowed all the same."""
    return "." in path.rpartition("/")[2].strip(".")


def lines_in(text: str) -> list[str]:
    """Return the lines that say something, without their bullets."""
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines()]
    return [line for line in lines if line.lower() not in _NOTHING]


def paths_in(text: str) -> list[str]:
    """Return the paths of a list: one a line, or several with commas between them."""
    parts = [part.strip().strip("`\"'") for line in lines_in(text) for part in line.split(",")]
    return [part for part in parts if part.lower() not in _NOTHING]
