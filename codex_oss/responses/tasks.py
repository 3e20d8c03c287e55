"""The text of the task: what a user or a parent agent asked last, and nothing older.

A handoff is looked for here only, so that an example in AGENTS.md or in an earlier turn never
starts a mission (bridge 5). A task that only OpenAI's servers can read is refused.
"""

from codex_oss.chat import ChatMessage
from codex_oss.errors import Refused
from codex_oss.responses.items import AgentMessage
from codex_oss.responses.parts import words_of
from codex_oss.responses.requests import ResponsesRequest

CONTEXT_STARTS = (  # Codex says these in the user's name (codex-facts 3 and 4).
    "<environment_context>",
    "<user_instructions>",
    "# AGENTS.md instructions",
    "<subagent_notification>",
    "<turn_aborted>",
)


def task_text(request: ResponsesRequest) -> str:
    """Return the newest message of a user or agent that is not Codex's own context, or ""."""
    for item in reversed(request.items):
        match item:
            case AgentMessage(is_sealed=True):
                raise Refused(
                    "The task of this agent is encrypted: its parent runs on OpenAI with"
                    " multi-agent v2, and only OpenAI's servers can open what it sends.",
                    code="unreadable_encrypted_agent_task",
                    hint="start the mission through the MCP server (`codex-oss mcp`) or with"
                    " `codex-oss mission run`",
                )
            case AgentMessage(message=message) | (ChatMessage(role="user") as message):
                text = words_of(message)
                if not text.lstrip().startswith(CONTEXT_STARTS):
                    return text
    return ""
