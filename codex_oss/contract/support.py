"""What an older handoff asks of a raw model, and in which mode it is served.

The task text enters; a `SupportTask` leaves, `None` where it hands over nothing of the kind, or
`BadMission` with everything that is wrong with it. `mode_of` is a table, first row that holds
(bridge 18). Paths are taken from lists alone; words are only asked for three things that the older
form has no field for: that no tool is wanted, that the text is, and how many rounds are.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from codex_oss.contract.handoff import HandoffValidation
from codex_oss.contract.kinds import FAULTY, Reading
from codex_oss.contract.legacy import (
    MORE_LABELS,
    PATHS,
    WRITING_TASKS,
    labels_of,
    lines_in,
    paths_in,
)
from codex_oss.contract.mission import Scope
from codex_oss.contract.paths import PathRules
from codex_oss.contract.records import Members
from codex_oss.errors import BadMission, Fault

GOAL_CHARS_MAX = 4_000
ROUNDS_SAID_MAX = 100
WORDS_CHARS_MAX = 60_000  # Searched for what they say; 500,000 hostile ones took 0.5 s.
DELIVERABLES_MAX, DELIVERABLE_CHARS_MAX = 40, 1_000

_EXACT_CONTENT = re.compile(
    r"^[ \t]*EXACT CONTENT[ \t]*:[ \t]*\n[ \t]*(?P<fence>`{3,8})[^\n`]*\n"
    r"(?P<content>(?:(?!(?P=fence))[^\n]*\n)*)(?P=fence)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_NO_TOOLS = re.compile(
    r"\b(?:no|zero|without(?: any)?) tools?\b"
    r"|\b(?:do not|don't|never|must not) (?:use|call|run) (?:any )?tools?\b"
    r"|^(?:any |all )?tools?(?: use| calls?)?$",
    re.IGNORECASE | re.MULTILINE,
)
_EXACT = re.compile(r"\b(?:exact(?:ly)?|verbatim)\b", re.IGNORECASE)
_ROUNDS = re.compile(
    r"\b(\d{1,3}) tool (?:calls?|rounds?|turns?|exchanges?)\b"
    r"|\btool (?:budget|calls|rounds|turns|exchanges)\s*[:=]\s*(\d{1,3})\b",
    re.IGNORECASE,
)
_YES = ("true", "yes", "1")


@dataclass(frozen=True, slots=True)
class SupportTask:
    """A legacy handoff, as an object or with labels. `words` is all that it says in prose, `rounds`
    how many tool rounds it asks for, `None` where it does not say. `may_write` is a task that was
    meant to, whether or not it names what."""

    goal: str
    words: str
    read_only_paths: tuple[str, ...] = ()
    owned_paths: tuple[str, ...] = ()
    forbidden_paths: tuple[str, ...] = ()
    deliverables: tuple[str, ...] = ()
    exact_content: str | None = None
    write_allowed: bool = False
    proof_critical: bool = False
    may_write: bool = False

    @property
    def wants_exact_text(self) -> bool:
        """Whether it says that no tool is to be used, and that the text is to be exact."""
        return bool(_NO_TOOLS.search(self.words) and _EXACT.search(self.words))

    @property
    def rounds(self) -> int | None:
        found = _ROUNDS.search(self.words)
        return min(ROUNDS_SAID_MAX, int(found[1] or found[2])) if found else None


def support_task_of(
    text: str, handed: HandoffValidation, project_root: str = ""
) -> SupportTask | None:
    """Return the legacy handoff in a task text, of which `handed` is known, or raise `BadMission`
    with all its faults."""
    if handed.handoff_type == "legacy":
        if handed.legacy is None:
            raise BadMission(
                "the legacy handoff cannot be taken: " + "; ".join(map(str, handed.faults)),
                code=handed.faults[0].code,
                hint="correct the object, or hand over a MissionV1 block",
                faults=handed.faults,
            )
        return _checked(_of_object(handed.legacy))
    return _of_labels(text, project_root) if handed.handoff_type != "mission_v1" else None


def _of_object(handoff: Mapping[str, object]) -> SupportTask:
    said = Members(handoff)
    lists = ("forbidden_actions", "verification_steps", "deliverable_fields")
    rules = ("goal", "role", "completion_rule", "escalation_rule")
    words = [said.text(name) for name in rules] + [x for name in lists for x in said.texts(name)]
    content = handoff["exact_content"]
    return SupportTask(
        goal=said.text("goal"),
        words="\n".join(words)[:WORDS_CHARS_MAX],
        read_only_paths=said.texts("read_only_paths"),
        owned_paths=said.texts("owned_paths"),
        deliverables=_deliverables(said.texts("deliverable_fields")),
        exact_content=content if isinstance(content, str) else None,
        write_allowed=said.flag("write_allowed"),
        proof_critical=said.flag("proof_critical"),
        may_write=said.flag("write_allowed") or said.text("task_type") in WRITING_TASKS,
    )


def _of_labels(text: str, project_root: str) -> SupportTask | None:
    if "deliverable" not in text.lower():
        return None
    content = _EXACT_CONTENT.search(text)
    words = text[: content.start()] + text[content.end() :] if content else text
    said = labels_of(words, MORE_LABELS)
    if "DELIVERABLE" not in said or not {"READ-ONLY PATHS", "OWNED PATHS"} & said.keys():
        return None
    reading = Reading(project_root=project_root)
    read_only, owned, forbidden = (
        _paths(said, label, reading) for label in ("READ-ONLY PATHS", "OWNED PATHS", "DO NOT TOUCH")
    )
    if reading.faults:
        raise BadMission(
            "the legacy handoff cannot be taken: " + "; ".join(map(str, reading.faults)),
            code=reading.faults[0].code,
            hint="paths are relative to the project, one a line",
            faults=reading.faults,
        )
    write_allowed = said.get("WRITE ALLOWED", "").lower() in _YES
    task_type = said.get("TASK TYPE", "").lower()
    return _checked(
        SupportTask(
            goal=(said.get("GOAL") or text.strip())[:GOAL_CHARS_MAX],
            words=words[:WORDS_CHARS_MAX],
            read_only_paths=read_only,
            owned_paths=owned,
            forbidden_paths=forbidden,
            deliverables=_deliverables(lines_in(said["DELIVERABLE"])),
            exact_content=content["content"] if content else None,
            write_allowed=write_allowed,
            proof_critical=said.get("PROOF CRITICAL", "").lower() in _YES,
            may_write=write_allowed or task_type in WRITING_TASKS,
        )
    )


def _deliverables(said: Iterable[str]) -> tuple[str, ...]:
    """Return what is owed, as far as one report can be asked for it."""
    return tuple(each[:DELIVERABLE_CHARS_MAX] for each in islice(said, DELIVERABLES_MAX))


def _paths(said: Mapping[str, str], label: str, reading: Reading) -> tuple[str, ...]:
    found = PATHS.read(paths_in(said.get(label, "")), label, reading)
    return tuple(map(str, found)) if found is not FAULTY and isinstance(found, list) else ()


def _checked(task: SupportTask) -> SupportTask:
    """Return the task, or raise that its content has more than one place to go to, or none."""
    if task.exact_content is None or len(task.owned_paths) == 1:
        return task
    told = f"exact content is for one owned path, and there are {len(task.owned_paths)}"
    hint = "name the one file in OWNED PATHS"
    fault = Fault("$.exact_content", "conflict", told, hint)
    raise BadMission(f"the legacy handoff cannot be taken: {told}", code="conflict", faults=[fault])


# ---- modes ---------------------------------------------------------------------------------------

SUPPORT_MODES: tuple[tuple[str, Callable[[SupportTask], bool]], ...] = (
    ("bounded_write_exact", lambda task: task.exact_content is not None),
    ("bounded_write", lambda task: task.write_allowed and bool(task.owned_paths)),
    ("context_pack_report", lambda task: bool(task.read_only_paths and task.deliverables)),
    ("no_tool_exact", lambda task: task.wants_exact_text),
    ("managed_autonomy", lambda task: True),
)
"""The first row that holds, for a task that nothing speaks against."""


def mode_of(task: SupportTask, critical_roots: Iterable[str] = ()) -> str:
    """Return the mode that a task is served in."""
    if refusal_of(task, critical_roots):
        return "refused"
    return next(name for name, holds in SUPPORT_MODES if holds(task))


def refusal_of(task: SupportTask, critical_roots: Iterable[str] = ()) -> str:
    """Return why a task is for a person and no model is asked, or ""."""
    if task.proof_critical:
        return "the task is proof-critical: what it rests on must be read by a person"
    rules = PathRules(Scope(allowed_roots=(".",)), critical_roots)
    for path in task.owned_paths:
        denial = rules.denial(path, is_directory=True)  # Whichever it is to become.
        if denial and denial.code == "critical_path":
            return f"`{path}` is a critical path ({denial.rule}): no model writes there"
    return ""
