"""Judge a run again: each check recomputes what its log, its files and the workspace show."""

from codex_oss.audit.subject import Folder, LogState, Outcome, Subject
from codex_oss.audit.table import CHECKS, audit, outcome_of

__all__ = ["CHECKS", "Folder", "LogState", "Outcome", "Subject", "audit", "outcome_of"]
