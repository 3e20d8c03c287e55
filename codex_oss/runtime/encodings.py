"""In which of the two encodings a run asks for actions, and what may be called in it.

The record enters, the encoding and the functions of this moment leave. A run begins in what its
profile says and changes once at most, from functions to JSON (missions 8).
"""

from codex_oss.contract import Encoding, declared
from codex_oss.record import RunRecord
from codex_oss.runtime.rules import Function


def encoding_of(record: RunRecord) -> Encoding:
    """Return the encoding of the open request, or of the next one."""
    if request := record.loop.open_request:
        return "json_action" if request.encoding == "json_action" else "native_tools"
    is_json = record.profile.action_encoding == "json_action"
    may_call = not record.contract.is_packed  # Else its model only reports.
    return "json_action" if may_call and (is_json or record.loop.is_json) else "native_tools"


def functions_of(record: RunRecord, *, with_tools: bool = True) -> tuple[Function, ...]:
    """Return everything that a mission's model may ever call, or only the ways to end."""
    if record.contract.is_packed:
        return ()
    return declared(record.contract.scope.allowed_tool_classes, with_tools=with_tools)


def offered(record: RunRecord) -> tuple[str, ...]:
    """Return the names of the functions that the model may call in this phase."""
    with_tools = record.loop.phase != "REPORT"
    return tuple(name for name, *_ in functions_of(record, with_tools=with_tools))
