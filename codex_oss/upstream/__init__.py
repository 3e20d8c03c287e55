"""Talk to model providers and nothing else."""

from codex_oss.upstream.http_model import HttpChatModel
from codex_oss.upstream.insisting import Insisting
from codex_oss.upstream.lessons import Lessons
from codex_oss.upstream.patience import TransportLimits
from codex_oss.upstream.reliability import (
    Breaker,
    Breaking,
    Choice,
    FallingBack,
    Retrying,
    Starting,
)
from codex_oss.upstream.slots import Slots

__all__ = [
    "Breaker",
    "Breaking",
    "Choice",
    "FallingBack",
    "HttpChatModel",
    "Insisting",
    "Lessons",
    "Retrying",
    "Slots",
    "Starting",
    "TransportLimits",
]
