"""Talk to model providers and nothing else."""

from codex_oss.upstream.http_model import HttpChatModel
from codex_oss.upstream.patience import TransportLimits
from codex_oss.upstream.slots import Slots

__all__ = ["HttpChatModel", "Slots", "TransportLimits"]
