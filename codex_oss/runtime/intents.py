"""What a run does next, in the imperative: five kinds of step, of which four act.

`Note` appends a fact that follows from the record alone. The others touch the world, and
each comes only after the event that announces it is on disk: a model call after `ModelRequested`,
a tool after `ToolCallEmitted`; looking again at cited lines only reads.
"""

from dataclasses import dataclass

from codex_oss.record import FALLBACK, Citation, Fact, ModelRequested, ToolCallEmitted


@dataclass(frozen=True, slots=True)
class Note:
    fact: Fact


@dataclass(frozen=True, slots=True)
class CallModel:
    announced: ModelRequested


@dataclass(frozen=True, slots=True)
class RunTool:
    announced: ToolCallEmitted


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Look again at every cited line; `forged` names what was never shown."""

    citations: tuple[Citation, ...]
    forged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeProfile:
    """Ask this profile from here on, if it is admitted; `why` is the class of the recovery."""

    name: str
    why: str = FALLBACK


Intent = Note | CallModel | RunTool | LookAgain | ChangeProfile
