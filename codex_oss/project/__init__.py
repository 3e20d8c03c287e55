"""Start, find and stop the bridge of a project, and say how it stands."""

from codex_oss.project.daemon import Daemon
from codex_oss.project.identity import BridgeIdentity, announced, read_identity
from codex_oss.project.status import BridgeStatus, StopResult, UpResult

__all__ = [
    "BridgeIdentity",
    "BridgeStatus",
    "Daemon",
    "StopResult",
    "UpResult",
    "announced",
    "read_identity",
]
