"""Play a chat model without network or learning.

`RehearsalModel` is an honest little planner; `ScriptedChatModel` plays a list of replies.
"""

from codex_oss.rehearsal.rehearsal_model import RehearsalModel
from codex_oss.rehearsal.scripted import ScriptedChatModel

__all__ = ["RehearsalModel", "ScriptedChatModel"]
