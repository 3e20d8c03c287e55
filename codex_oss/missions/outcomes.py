"""What came of a model call or a tool call, as the fact that the log keeps. Pure.

Replies and observations enter, facts leave; references are given here, from the record: the N-th
reading of a path, the N-th executed call. Costs use the prices recorded at admission.
"""

from codex_oss.chat import ChatReply, FunctionCall, Usage, mended
from codex_oss.contract import EvidenceRef, read_spoken
from codex_oss.record import (
    CallUsage,
    Citation,
    CitationResult,
    Extract,
    Fact,
    ModelFailed,
    ModelReplied,
    ModelRequested,
    ProfileFacts,
    RunRecord,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    canonical,
    sha256,
)
from codex_oss.runtime import cost_microusd, prompt_for
from codex_oss.tools import Cited, Denied, Observation, Rechecked

ESTIMATE_BYTES_PER_TOKEN = 4  # Where the provider does not count (bridge 12).
MESSAGE_CHARACTERS_MAX = 300
CALLS_KEPT_MAX = 64  # Of one reply: each is answered in every later prompt, four of them are run.


def replied(
    announced: ModelRequested,
    reply: ChatReply,
    profile: ProfileFacts,
    first_byte_ms: int,
    total_ms: int,
    *,
    may_call: bool = True,
) -> ModelReplied:
    """Return the reply under call ids of our own: providers repeat theirs. Where it calls nothing,
    its text may mean calls, in whichever encoding it was asked."""
    made = tuple((call.name, call.arguments) for call in reply.calls)
    meant = _meant(reply) if may_call and not made else ()
    calls = tuple(
        FunctionCall(f"call_{announced.call}_{number}", mended(name), mended(arguments))
        for number, (name, arguments) in enumerate((made or meant)[:CALLS_KEPT_MAX])
    )
    text, said = mended(reply.text), [[call.name, call.arguments] for call in reply.calls]
    usage = _usage(announced, reply)
    return ModelReplied(
        call=announced.call,
        response_sha256=sha256(canonical([reply.text, said])),
        text=text,
        tool_calls=calls,
        reasoning=mended(reply.reasoning),
        finish_reason=reply.finish,
        usage=usage,
        cost_microusd=cost_microusd(
            profile,
            Usage(usage.input, usage.output, usage.cached, usage.reasoning, usage.written),
        ),
        first_byte_ms=first_byte_ms,
        total_ms=total_ms,
        upstream_model=profile.upstream_model,
        calls_left_out=len(made or meant) - len(calls),
        encoding="json_action" if meant else "native_tools",
    )


def _meant(reply: ChatReply) -> tuple[tuple[str, str], ...]:
    """Return the calls that a text means; what was cut off means none."""
    meant = read_spoken(mended(reply.text)) if reply.finish != "length" else ()
    return meant if isinstance(meant, tuple) else ()


def _usage(announced: ModelRequested, reply: ChatReply) -> CallUsage:
    if reply.usage:
        return _counted(reply.usage)
    written = reply.text + reply.reasoning + "".join(c.arguments + c.name for c in reply.calls)
    tokens = -(-len(mended(written).encode()) // ESTIMATE_BYTES_PER_TOKEN)
    known = announced.est_input_tokens
    return CallUsage(known, tokens, 0, 0, known + tokens, "estimated")


def _counted(usage: Usage) -> CallUsage:
    return CallUsage(
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.total_tokens,
        "upstream",
        usage.cache_write_tokens,
    )


def failed(announced: ModelRequested, code: str, message: str, retryable: bool) -> ModelFailed:
    """Return the failure. Its input counts: a provider bills what it read."""
    known = announced.est_input_tokens
    return ModelFailed(
        call=announced.call,
        code=code,
        message=message[:MESSAGE_CHARACTERS_MAX],
        retryable=retryable,
        attempt=announced.attempt,
        usage=CallUsage(known, 0, 0, 0, known, "estimated"),
    )


def observed(
    record: RunRecord, call: ToolCallEmitted, result: Observation | Denied, duration_ms: int
) -> Fact:
    """Return what the tool gave. The same call with the same result is served from the log."""
    if isinstance(result, Denied):
        return ToolDenied(
            call.call_id, call.tool_name, result.code, result.rule, result.path, result.allowed
        )
    text = result.text.encode()
    output_hash = sha256(text)
    original = record.evidence.original_of(call, output_hash)
    if original:
        shrunk = prompt_for(record, "explore").shrunk
        return _again(call, result, output_hash, original.index in shrunk, duration_ms)
    extracts = _extracts(record, result)
    changed = ("file_changed",) if _shows_a_change(record, extracts) else ()
    return ToolObserved(
        call_id=call.call_id,
        command=result.command,
        exit_code=result.exit_code,
        output_hash=output_hash,
        text=result.text,
        complete=result.complete,
        truncated=result.truncated,
        bytes=len(text),
        extracts=extracts,
        matches=result.matches,
        match_count=result.match_count,
        redactions=result.redactions,
        cached=False,
        duration_ms=duration_ms,
        next=result.next,
        risk_flags=(*result.risk_flags, *changed),
        files_searched=result.files_searched,
        total_lines=result.total_lines,
    )


def _again(
    call: ToolCallEmitted,
    result: Observation,
    output_hash: str,
    is_recall: bool,
    duration_ms: int,
) -> ToolObserved:
    """Return an observation that the log holds already. Asking for what a prompt no longer shows
    whole is a recall; asking for the rest is a duplicate (missions 9)."""
    return ToolObserved(
        call_id=call.call_id,
        command=result.command,
        exit_code=result.exit_code,
        output_hash=output_hash,
        text="",
        complete=result.complete,
        truncated=result.truncated,
        bytes=0,
        extracts=(),
        matches=(),
        match_count=result.match_count,
        redactions=0,
        cached=True,
        duration_ms=duration_ms,
        next=result.next,
        risk_flags=result.risk_flags,
        recalled=is_recall,
        files_searched=result.files_searched,
        total_lines=result.total_lines,
    )


def _extracts(record: RunRecord, result: Observation) -> tuple[Extract, ...]:
    before = [e.path for c in record.evidence.commands for e in c.extracts]
    return tuple(
        Extract(
            ref=str(EvidenceRef(span.path, before.count(span.path) + 1)),
            path=span.path,
            start_line=span.first_line,
            end_line=span.last_line,
            total_lines=span.total_lines,
            sha256="sha256:" + span.sha256,
            file_sha256="sha256:" + span.file_sha256,
            redacted=span.redacted,
        )
        for span in result.spans
    )


def _shows_a_change(record: RunRecord, extracts: tuple[Extract, ...]) -> bool:
    """Whether a file is another one than when it was read before (missions 10.3)."""
    before = {e.path: e.file_sha256 for c in record.evidence.commands for e in c.extracts}
    return any(before.get(e.path, e.file_sha256) != e.file_sha256 for e in extracts)


def cited(citation: Citation) -> Cited:
    return Cited(
        citation.path,
        citation.first_line,
        citation.last_line,
        citation.shown,
        citation.sha256.removeprefix("sha256:"),
    )


def looked_at(citation: Citation, found: Rechecked) -> CitationResult:
    return CitationResult(
        ref=citation.ref,
        verification=found.verification,
        path=citation.path,
        start_line=found.first_line,
        end_line=found.last_line,
        sha256=_sha256(found.sha256),
        file_sha256=_sha256(found.file_sha256),
        redacted=citation.redacted,
        quote=citation.quote,
        observed_seq=citation.observed_seq,
    )


def _sha256(digest: str) -> str:
    return f"sha256:{digest}" if digest else ""


def forged(ref: str) -> CitationResult:
    return CitationResult(ref, "forged", "", 0, 0, "")
