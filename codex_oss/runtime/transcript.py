"""What was said and given back, as messages: the middle of every prompt.

The record enters, rows leave. A reply stands as its model wrote it, with one answer for each of its
calls. A turn that cannot be repeated to the letter, because it was written in the other encoding or
redaction changed it, is told as text (missions 8). Inside every block the content cannot close the
block.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from codex_oss.chat import ChatMessage, FunctionCall, to_json
from codex_oss.contract import OBSERVATION, Encoding, block, spoken
from codex_oss.record import Answered, Command, Json, RunRecord, Said, resolve
from codex_oss.runtime.standing import gist, ref_of

KEPT_LINES_MAX = 40  # Of a span that a claim rests on, when the rest of its reading shrinks.
TEXT_CHARACTERS_MAX = 2_000  # Of what the model wrote beside its calls.
ARGUMENTS_CHARACTERS_MAX = 8_000  # Longer ones were no tool's; their answer says what they were.
MESSAGES_KEPT = 512  # Rendered once: every later prompt of a run shows them again.
REASONING_PART = 8  # Of the window: no row of a prompt with reasoning ever shrinks.
BYTES_PER_TOKEN = 3  # A low guess for code; scaled by what the upstream counted (missions 9).
REDACTED = "[redacted:"  # What stands in the place of a secret.

RUNTIME_CALLS = "runtime_"
"""How the ids of calls begin that the runtime makes by itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """A message of the prompt. One that shows observation `index` has a short form; the `fresh`
    ones answer the last reply."""

    full: ChatMessage
    short: Callable[[], ChatMessage] | None = None
    index: int = -1
    is_fresh: bool = False


def rows_of(record: RunRecord, encoding: Encoding) -> Iterator[Row]:
    """Yield all that was said and given back, in order."""
    transcript = _Transcript(record, encoding)
    for entry in record.loop.transcript:
        if isinstance(entry, Said):
            yield from transcript.said(entry)
        elif entry.call_id.startswith(RUNTIME_CALLS):
            yield transcript.row(entry, as_text=True)


class _Transcript:
    """An observation that was given back twice stands whole in its last place only."""

    def __init__(self, record: RunRecord, encoding: Encoding) -> None:
        self._profile = record.profile
        self._encoding = encoding
        answers = [e for e in record.loop.transcript if isinstance(e, Answered)]
        self._record = record
        self._of_call = {answer.call_id: answer for answer in answers}
        self._latest = {answer.observation: answer for answer in answers}
        self._fresh = frozenset(fresh(record))
        self._thought_of = frozenset(_thought_of(record))

    def said(self, entry: Said) -> Iterator[Row]:
        """Yield a reply, and one answer for each of its calls."""
        as_text = self._is_told_as_text(entry)
        if entry.text or entry.calls:
            yield Row(_as_text(entry) if as_text else _as_it_was(entry, self._profile.family))
        for call in entry.calls:
            answer = self._of_call.get(call.call_id)
            answer = answer or Answered(call.call_id, note=_not_run(entry, call))
            yield self.row(answer, as_text)

    def _is_told_as_text(self, entry: Said) -> bool:
        """Whether a turn cannot be sent back as it was made: its calls stand in its text, or run
        in another encoding, another model made it, redaction changed it, or its reasoning has no
        room any more."""
        if entry.is_text or self._encoding != "native_tools":
            return True
        if entry.reasoning and entry.call not in self._thought_of:
            return bool(entry.calls)
        is_ours = entry.profile in ("", self._profile.name)
        said = (entry.reasoning, *(call.arguments for call in entry.calls))
        return bool(entry.calls) and (not is_ours or any(REDACTED in text for text in said))

    def row(self, answer: Answered, as_text: bool) -> Row:
        index = answer.observation
        if index is None:
            return Row(_message(answer.call_id, answer.note or {}, as_text))
        command = self._record.evidence.commands[index]

        def short() -> ChatMessage:
            return _message(answer.call_id, _shrunk(self._record, command), as_text)

        if self._latest[index] is not answer:
            return Row(short())
        full = _shown(command, answer.call_id, as_text, answer.cached)
        return Row(full, short, index, index in self._fresh)


def _thought_of(record: RunRecord) -> Iterator[int]:
    """Yield the calls whose reasoning is sent back: the newest, as far as they fit."""
    left = record.profile.context_window * BYTES_PER_TOKEN // REASONING_PART
    for entry in reversed(record.loop.transcript):
        if isinstance(entry, Said):
            left -= len(entry.reasoning.encode())
            if left < 0:
                return
            yield entry.call


def fresh(record: RunRecord) -> Iterator[int]:
    """Yield the observations that came since the last reply, or before the first one."""
    for entry in reversed(record.loop.transcript):
        if isinstance(entry, Said):
            return
        if entry.observation is not None:
            yield entry.observation


def _message(call_id: str, value: Json, as_text: bool) -> ChatMessage:
    """Return an answer as a message. What answers no function call is the user's."""
    if as_text:
        return ChatMessage("user", block(OBSERVATION, value))
    return ChatMessage("tool", to_json(value), call_id=call_id)


@lru_cache(MESSAGES_KEPT)
def _shown(command: Command, call_id: str, as_text: bool, cached: bool) -> ChatMessage:
    return _message(call_id, _whole(command) | ({"cached": True} if cached else {}), as_text)


@lru_cache(MESSAGES_KEPT)
def _as_it_was(entry: Said, family: str) -> ChatMessage:
    return ChatMessage(
        "assistant",
        entry.text[:TEXT_CHARACTERS_MAX],
        tuple(map(_replayed, entry.calls)),
        reasoning=entry.reasoning if family and entry.calls else "",
        reasoning_family=family if entry.reasoning and entry.calls else "",
    )


@lru_cache(MESSAGES_KEPT)
def _as_text(entry: Said) -> ChatMessage:
    """Return a turn as its model would have written it in JSON."""
    if entry.is_text or not entry.calls:
        return ChatMessage("assistant", entry.text[:ARGUMENTS_CHARACTERS_MAX])
    said = [spoken(call.name, _replayed(call).arguments) for call in entry.calls]
    text = "\n".join([entry.text[:TEXT_CHARACTERS_MAX], *said])
    return ChatMessage("assistant", text.strip())


def _replayed(call: FunctionCall) -> FunctionCall:
    is_long = len(call.arguments) > ARGUMENTS_CHARACTERS_MAX
    return FunctionCall(call.call_id, call.name, "{}") if is_long else call


def _not_run(reply: Said, call: FunctionCall) -> Json:
    why = "Only the first calls of a reply are run, in order: make this one again."
    if call.name == "final_report" and len(reply.calls) > 1:
        why = "A report waits for the calls beside it: hand it in when you have seen their results."
    return {"error": "not_run", "message": why}


def _whole(command: Command) -> Json:
    extract = command.extracts[0] if command.extracts else None
    return {
        "tool": command.tool_name,
        "ref": ref_of(command),
        "command": command.command,
        "exit_code": command.exit_code,
        "path": extract.path if extract else command.path,
        "start_line": extract.start_line if extract else 0,
        "end_line": extract.end_line if extract else 0,
        "total_lines": extract.total_lines if extract else command.total_lines,
        "complete": command.complete,
        "truncated": command.truncated,
        "next": command.next,
        "match_count": command.match_count,
        "matches_shown": len(command.matches),
        "files_searched": command.files_searched,
        "redactions": command.redactions,
        "risk_flags": list(command.risk_flags),
        "text": command.text,
    }


def _shrunk(record: RunRecord, command: Command) -> Json:
    """Return one line on an observation, and the lines of it that claims rest on."""
    refs = dict.fromkeys(ref for claim in record.answer.claims for ref in claim.evidence_refs)
    cited = [c for ref in refs if (c := resolve(record, ref)) and c.command == command.index]
    kept = {c.ref: c.text for c in cited if c.path and len(c.shown) <= KEPT_LINES_MAX}
    short: Json = {"tool": command.tool_name, "ref": ref_of(command), "shrunk": gist(command)}
    return short | ({"kept": kept} if kept else {})
