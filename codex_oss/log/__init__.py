"""Keep a run's events: one chained line each, on disk before anyone acts."""

from codex_oss.log.blobs import BlobStore
from codex_oss.log.heads import Head, HeadStore
from codex_oss.log.mission_event_log import (
    HEAD_EVERY_EVENTS,
    EventLog,
    MemoryEventLog,
    MissionEventLog,
)
from codex_oss.log.projections import (
    ProjectionState,
    check_projections,
    found_files,
    write_projections,
)
from codex_oss.log.reading import LOG_BYTES_MAX, LogFollower, LogReader, log_lines, parse_log
from codex_oss.log.verify import GOOD, READABLE, LogVerdict, judge

__all__ = [
    "GOOD",
    "HEAD_EVERY_EVENTS",
    "LOG_BYTES_MAX",
    "READABLE",
    "BlobStore",
    "EventLog",
    "Head",
    "HeadStore",
    "LogFollower",
    "LogReader",
    "LogVerdict",
    "MemoryEventLog",
    "MissionEventLog",
    "ProjectionState",
    "check_projections",
    "found_files",
    "judge",
    "log_lines",
    "parse_log",
    "write_projections",
]
