"""What the model is shown: a pure function of the record, rebuilt for every call.

Order: the rules; the mission; the transcript of what was said and given back; where the run
stands. No prompt exceeds its budget: the oldest observations shrink to one line first, and what was
just read only where nothing else is left to shrink (missions 9). Inside every block the content
cannot close the block.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codex_oss.chat import ChatMessage, ChatRequest, FunctionTool
from codex_oss.contract import ANSWER, MISSION, STATE, block
from codex_oss.record import (
    CLOSER,
    Json,
    ModelRequested,
    RunRecord,
    Said,
    canonical,
    canonical_answer,
    exact_write,
    is_exact_write,
    required_sources,
    sha256,
)
from codex_oss.runtime.costs import affordable_output
from codex_oss.runtime.encodings import encoding_of, functions_of
from codex_oss.runtime.phases import open_looks, open_searches
from codex_oss.runtime.rules import CLOSER_RULES, EXACT_RULES, rules
from codex_oss.runtime.standing import standing
from codex_oss.runtime.transcript import BYTES_PER_TOKEN, Row, fresh, rows_of

PROMPT_VERSION = "2"
MESSAGE_BYTES, CALL_BYTES = 16, 32  # What JSON puts round them on the wire.
OUTPUT_TOKENS_MAX = 8_192
REPORT_OUTPUT_TOKENS_MAX = 16_384
WINDOW_SHARE = 0.95
OBSERVATION_SHARE = 0.5  # Of the budget, for all that one reply reads.
CORE_SHARE = 0.6  # Of the budget, for rules, mission and standing: more leaves no room to work.
OBSERVATION_BYTES_MIN = 1_024


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request with what it is estimated to cost. `fits` is false where even the shortest form
    is too long, `is_affordable` where the contract's money is too little for it and an answer;
    `shrunk` are the observations of which only one line is shown."""

    request: ChatRequest
    tokens: int
    digest: str
    tools_digest: str
    fits: bool
    is_affordable: bool
    shrunk: frozenset[int]


def max_output_tokens(record: RunRecord, *, is_report: bool | None = None) -> int:
    """Return the output limit of the next call, cut to what the contract leaves. A report may be
    longer, and so may an answer after one that was cut off."""
    profile, limits = record.profile, record.contract.budget
    if is_report is None:
        said = [entry for entry in record.loop.transcript if isinstance(entry, Said)]
        is_report = record.loop.phase == "REPORT" or bool(said and said[-1].is_cut)
    ceiling = REPORT_OUTPUT_TOKENS_MAX if is_report else OUTPUT_TOKENS_MAX
    tokens = min(profile.max_output_tokens, profile.context_window // 4, ceiling)
    if limits.max_output_tokens_total is not None:
        tokens = min(tokens, limits.max_output_tokens_total - record.budget.output_tokens)
    return max(1, tokens)


def prompt_budget_tokens(record: RunRecord) -> int:
    """Return how many tokens a prompt of this run may have."""
    window = record.profile.context_window
    return int(window * WINDOW_SHARE) - max_output_tokens(record, is_report=True)


def result_bytes_max(record: RunRecord) -> int:
    """Return how many bytes the next observation may have: what the reply, or the reading before
    the first one, still has of its share, in equal parts."""
    share = prompt_budget_tokens(record) * BYTES_PER_TOKEN * OBSERVATION_SHARE
    share = share * 100 / record.budget.estimate_scale_percent
    commands = record.evidence.commands
    used = sum(len(commands[i].text.encode()) for i in dict.fromkeys(fresh(record)))
    if record.contract.is_packed:
        return _packed_bytes_max(record, share - used)
    waiting = len(record.loop.queue) or len(open_looks(record))
    return max(OBSERVATION_BYTES_MIN, int((share - used) / max(1, waiting)))


def _packed_bytes_max(record: RunRecord, room: float) -> int:
    """Return the part of the next source of a packed report: all that are left get the same, and
    none more than an excerpt may have."""
    limits = record.contract.budget
    left = limits.max_total_observation_bytes - record.budget.observation_bytes
    if is_exact_write(record):
        return left  # Nobody is shown it: a prompt has no part in that.
    waiting = len(open_looks(record)) + len(open_searches(record))
    part = max(OBSERVATION_BYTES_MIN, int(min(room, left) / max(1, waiting)))
    most = record.admitted.admitted.limits.get("excerpt_bytes_max")
    return min(part, most) if isinstance(most, int) else part


def announced_prompt(record: RunRecord, announced: ModelRequested) -> Prompt:
    """Return the prompt of a call that was announced, as far as the record still gives that one:
    its digest says. One that this process made a moment ago is not made again."""
    kept = _KEPT[_slot(announced.request_sha256)]
    if kept and _is_announced(kept, announced):
        return kept
    return prompt_for(record, announced.purpose)


_KEPT: list[Prompt | None] = [None] * 16
"""Prompts by the last digit of their digest: each waits here between its announcement and its call,
unless another run's took its place."""


def _slot(digest: str) -> int:
    return int(digest[-1], 16)


def _is_announced(prompt: Prompt, announced: ModelRequested) -> bool:
    wanted = (announced.request_sha256, announced.tools_sha256, announced.max_output_tokens)
    return (prompt.digest, prompt.tools_digest, prompt.request.max_output_tokens) == wanted


def prompt_for(record: RunRecord, purpose: str) -> Prompt:
    """Return the prompt of the next call. The same record gets the same bytes."""
    tools, budget = _tools(record, purpose), prompt_budget_tokens(record)
    rows = list(_rows(record, purpose))
    core = sum(_size(row.full) for row in (*rows[:2], rows[-1]))
    size = _size_of_tools(tools) + sum(_size(row.full) for row in rows)
    short: dict[int, ChatMessage] = {}
    for row in sorted((r for r in rows if r.short), key=lambda r: r.is_fresh):
        if _tokens(record, size) <= budget:
            break
        assert row.short
        short[row.index] = row.short()
        size += _size(short[row.index]) - _size(row.full)
    messages = tuple(short.get(row.index, row.full) for row in rows)
    tokens, core_tokens = _tokens(record, size), _tokens(record, core)
    output_tokens = affordable_output(record, tokens, wanted := max_output_tokens(record))
    prompt = Prompt(
        request=ChatRequest(messages, tools, max_output_tokens=output_tokens or wanted),
        tokens=tokens,
        digest=_digest(messages),
        tools_digest=sha256(canonical([[t.name, t.description, t.parameters] for t in tools])),
        fits=tokens <= budget and core_tokens <= budget * CORE_SHARE,
        is_affordable=output_tokens > 0,
        shrunk=frozenset(short),
    )
    _KEPT[_slot(prompt.digest)] = prompt
    return prompt


def _tools(record: RunRecord, purpose: str) -> tuple[FunctionTool, ...]:
    if encoding_of(record) != "native_tools" or purpose == CLOSER:
        return ()
    functions = functions_of(record, with_tools=record.loop.phase != "REPORT")
    return tuple(FunctionTool(*function) for function in functions)


# ---- sizes ---------------------------------------------------------------------------------------


def _tokens(record: RunRecord, size: int) -> int:
    return size * record.budget.estimate_scale_percent // (BYTES_PER_TOKEN * 100) + 1


def _size(message: ChatMessage) -> int:
    calls = sum(_bytes(c.arguments) + len(c.name) + CALL_BYTES for c in message.calls)
    return _bytes(message.text) + _bytes(message.reasoning) + MESSAGE_BYTES + calls


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _size_of_tools(tools: Iterable[FunctionTool]) -> int:
    return sum(len(t.name) + len(t.description) + len(str(t.parameters)) for t in tools)


def _digest(messages: Iterable[ChatMessage]) -> str:
    """Return one digest of all that is said. Each text stands behind its length, so that no two
    prompts are the same bytes."""
    return sha256("".join(map(_spelled, messages)).encode())


def _spelled(message: ChatMessage) -> str:
    texts = [message.role, message.call_id, message.text]
    for call in message.calls:
        texts += call.call_id, call.name, call.arguments
    if message.reasoning:
        texts.append(message.reasoning)
    return "".join([f"{_bytes(text)}:{text}" for text in texts]) + ";"


# ---- messages ------------------------------------------------------------------------------------


def _rows(record: RunRecord, purpose: str) -> Iterator[Row]:
    if purpose == CLOSER:  # A fresh context: nothing of what was said before.
        yield Row(ChatMessage("system", CLOSER_RULES))
        yield Row(ChatMessage("user", block(ANSWER, canonical_answer(record))))
        return
    encoding, is_packed = encoding_of(record), record.contract.is_packed
    is_open = record.contract.is_open
    told = rules(encoding, functions_of(record), is_packed=is_packed, is_open=is_open)
    told = EXACT_RULES if record.contract.is_exact else told
    yield Row(ChatMessage("system", told))
    yield Row(ChatMessage("user", block(MISSION, _mission(record))))
    yield from rows_of(record, encoding)
    yield Row(ChatMessage("user", block(STATE, standing(record, purpose))))


def _mission(record: RunRecord) -> Json:
    contract, scope = record.contract, record.contract.scope
    return {
        "mission_id": record.admitted.mission_id,
        "tier": contract.tier,
        "objective": contract.objective,
        "scope": {
            "allowed_roots": list(scope.allowed_roots),
            "allowed_paths": list(scope.allowed_paths),
            "forbidden_roots": list(scope.forbidden_roots),
        },
        "obligations": [
            {
                "id": o.id,
                "question": o.question,
                "required": o.required,
                "sources": [s.path for s in o.source_requirements] + list(o.source_hints),
                **({"evidence_needed": list(o.evidence_needed)} if o.evidence_needed else {}),
            }
            for o in contract.obligations
        ],
        "required_sources": list(required_sources(record)),
        **({"proposed_change": proposal.to_json()} if (proposal := exact_write(record)) else {}),
    }
