"""Keep a run's events: one chained line each, on disk before anyone acts."""

from codex_oss.log.blobs import BlobStore
from codex_oss.log.heads import Head, HeadStore
from codex_oss.log.mission_event_log import (
    EventLog,
    MemoryEventLog,
    MissionEventLog,
    Redact,
    read_log,
)
from codex_oss.log.projections import ProjectionState, check_projections, write_projections
from codex_oss.log.verify import LogContent, LogVerdict, judge, parse_log

__all__ = [
    "BlobStore",
    "EventLog",
    "Head",
    "HeadStore",
    "LogContent",
    "LogVerdict",
    "MemoryEventLog",
    "MissionEventLog",
    "ProjectionState",
    "Redact",
    "check_projections",
    "judge",
    "parse_log",
    "read_log",
    "write_projections",
]
