"""Decide from the record what a run does next, what its model is shown, and whether it may run."""

from codex_oss.runtime.admission import (
    Admission,
    AdmissionFacts,
    Check,
    Strength,
    admit,
    lane_of,
    why_not,
)
from codex_oss.runtime.checks import BUSY_SECONDS, judged
from codex_oss.runtime.costs import cost_microusd
from codex_oss.runtime.decide import decide
from codex_oss.runtime.explanation import explain, next_step
from codex_oss.runtime.intents import CallModel, ChangeProfile, Intent, LookAgain, Note, RunTool
from codex_oss.runtime.prompt import (
    PROMPT_VERSION,
    Prompt,
    announced_prompt,
    prompt_for,
    result_bytes_max,
)

__all__ = [
    "BUSY_SECONDS",
    "PROMPT_VERSION",
    "Admission",
    "AdmissionFacts",
    "CallModel",
    "ChangeProfile",
    "Check",
    "Intent",
    "LookAgain",
    "Note",
    "Prompt",
    "RunTool",
    "Strength",
    "admit",
    "announced_prompt",
    "cost_microusd",
    "decide",
    "explain",
    "judged",
    "lane_of",
    "next_step",
    "prompt_for",
    "result_bytes_max",
    "why_not",
]
