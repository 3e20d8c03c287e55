"""Run the product for real in a scratch folder and show what came of it."""

from codex_oss.trials.demo import DemoMission, run_demo
from codex_oss.trials.objectives import choose_objectives
from codex_oss.trials.scratch import ScratchBridge, scratch_bridge
from codex_oss.trials.self_test import self_test

__all__ = [
    "DemoMission",
    "ScratchBridge",
    "choose_objectives",
    "run_demo",
    "scratch_bridge",
    "self_test",
]
