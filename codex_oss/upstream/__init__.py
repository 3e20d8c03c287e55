"""Talk to model providers and nothing else."""

from codex_oss.upstream.limits import Limited, Slots
from codex_oss.upstream.patience import TransportLimits

__all__ = ["Limited", "Slots", "TransportLimits"]
