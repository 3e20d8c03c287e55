"""Checks of how a run went: its calls, its spending, its prompts, its words."""

import json
from collections import Counter
from collections.abc import Iterator

from codex_oss.audit.subject import Says, Subject, differing
from codex_oss.chat import Usage
from codex_oss.record import (
    COMMENTARY_FILE,
    DELIVERY_FILE,
    DELIVERY_STATES,
    REPORT_FILE,
    CallUsage,
    CommentaryDelivered,
    DesktopFact,
    DesktopMessageObserved,
    Event,
    Json,
    ModelFailed,
    ModelReplied,
    ModelRequested,
    RunRecord,
    RunResumed,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    commentary_for,
    is_observed,
    to_payload,
)
from codex_oss.runtime import PROMPT_VERSION, Note, cost_microusd, decide


def every_tool_call_terminal(run: Subject) -> Says:
    """Pair announcements with outcomes by themselves, without the fold."""
    waiting: dict[str, str] = {}
    calls = 0
    for event in run.events:
        match event.fact:
            case ToolCallEmitted(call_id=call_id):
                waiting[call_id] = event.event_id
                calls += 1
            case ToolObserved(call_id=call_id) | ToolDenied(call_id=call_id):
                if waiting.pop(call_id, None) is None:
                    yield "FAIL", f"{event.event_id} answers {call_id}, which nobody announced"
    for call_id, event_id in waiting.items():
        yield "FAIL", f"{call_id}, announced in {event_id}, has no outcome"
    yield "PASS", f"{calls} calls"


def no_denied_content_in_evidence(run: Subject) -> Says:
    """Ask the guard's rules again for each path of which a line was shown."""
    shown: dict[str, str] = {}
    for event in run.events:
        if isinstance(event.fact, ToolObserved):
            for path in (*(e.path for e in event.fact.extracts), *_matched(event.fact)):
                shown.setdefault(path, event.event_id)
    for path, event_id in shown.items():
        if code := run.denies(path):
            yield "FAIL", f"{event_id} shows {path}, which is denied: {code}"
    yield "PASS", f"{len(shown)} paths were shown, each allowed"


def _matched(fact: ToolObserved) -> Iterator[str]:
    yield from (match.path for match in fact.matches)


# ---- what was spent ------------------------------------------------------------------------------


def budget_consistent(run: Subject) -> Says:
    """Count again from the events, and hold the sums against the limits."""
    record = run.told
    counted, limits = _counted(run.story.events), record.contract.budget
    rows = {
        "tool_calls": (record.budget.tool_calls, limits.tool_budget),
        "model_calls": (record.budget.model_calls, limits.max_model_calls),
        "observation_bytes": (
            record.budget.observation_bytes,
            limits.max_total_observation_bytes,
        ),
        "files": (len(record.evidence.files), limits.max_files_to_inspect),
    }
    told = run.parsed(REPORT_FILE).get("budget") if run.folder else None
    for name, (spent, limit) in rows.items():
        yield from differing({name: (spent, counted[name])})
        if not record.contract.is_packed and counted[name] > limit:
            yield "FAIL", f"{counted[name]} {name}, at most {limit}"
        if isinstance(told, dict):
            row: Json = {"used": counted[name], "limit": limit}
            yield from differing({f"{name} of the report": (told.get(name), row)})
    yield "PASS", ", ".join(f"{count} {name}" for name, count in sorted(counted.items()))


def _counted(events: tuple[Event, ...]) -> Counter[str]:
    counts: Counter[str] = Counter()
    is_models, files = dict[str, bool](), set[str]()
    waiting = False
    for event in events:
        match event.fact:
            case ModelRequested():
                waiting = True
            case ModelReplied() | ModelFailed():
                waiting = False
                counts["model_calls"] += 1
            case RunResumed():
                counts["model_calls"] += waiting
                waiting = False
            case ToolCallEmitted() as call:
                is_models[call.call_id] = bool(call.response_id)
            case ToolObserved() as seen:
                files |= {extract.path for extract in seen.extracts}
                counts["tool_calls"] += is_models.get(seen.call_id, False) and not seen.cached
                counts["observation_bytes"] += seen.bytes
    counts["files"] = len(files)
    return counts


def usage_consistent(run: Subject) -> Says:
    """Add up the calls at the prices of who was asked, as they were admitted."""
    record, tokens = run.told, Counter[str]()
    is_priced = record.admitted.admitted.profile.output_price is not None
    cost: int | None = 0 if is_priced else None
    asked: ModelRequested | None = None
    for event in run.story.events:
        match event.fact:
            case ModelRequested():
                asked = event.fact
            case ModelReplied(usage=usage, cost_microusd=told):
                tokens.update(_tokens(usage))
                expected = cost_microusd(run.records[event.seq - 1].profile, _usage(usage))
                yield from differing({f"the cost in {event.event_id}": (told, expected)})
                cost = _sum(cost, expected)
                asked = None
            case ModelFailed(usage=usage) if asked:
                tokens.update(_tokens(usage))
                cost = _sum(cost, asked.est_cost_microusd)
                asked = None
            case RunResumed() if asked:
                tokens["input_tokens"] += asked.est_input_tokens
                cost = _sum(cost, asked.est_cost_microusd)
                asked = None
    spent = record.budget
    for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        yield from differing({name: (getattr(spent, name), tokens[name])})
    yield from differing({"cost_microusd": (spent.cost_microusd, cost)})
    for name in (REPORT_FILE, "mission_summary.json") if run.folder else ():
        told_there = run.parsed(name).get("usage")
        found = told_there.get("cost_microusd") if isinstance(told_there, dict) else None
        yield from differing({f"the cost of {name}": (found, cost)})
    yield "PASS", f"{tokens['input_tokens']} in, {tokens['output_tokens']} out, {cost} micro-USD"


def _tokens(usage: CallUsage) -> dict[str, int]:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
    }


def _usage(usage: CallUsage) -> Usage:
    return Usage(usage.input, usage.output, usage.cached, usage.reasoning, usage.written)


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


# ---- what was asked and said ---------------------------------------------------------------------


def model_requests_rebuild(run: Subject) -> Says:
    """Build each prompt again from the record of its moment, and compare its digest."""
    if run.log.purged_blobs:
        yield "SKIP", "what the model thought was purged, and its prompts repeat that"
        return
    built = 0
    for event in run.story.events:
        fact = event.fact
        if not isinstance(fact, ModelRequested):
            continue
        if fact.prompt_version != PROMPT_VERSION:
            yield "SKIP", f"the prompts are of version {fact.prompt_version}"
            return
        built += 1
        if fact not in (_requested(record) for record in run.before(event.seq)):
            again = _requested(next(run.before(event.seq)))
            digest = again.request_sha256 if again else "no request"
            yield "FAIL", f"{event.event_id} has {fact.request_sha256}, the record gives {digest}"
    yield "PASS", f"{built} prompts"


def _requested(record: RunRecord) -> ModelRequested | None:
    """Return the request that a record leads to, if it leads to one."""
    if record.is_open:
        match decide(record):
            case Note(ModelRequested() as asked):
                return asked
    return None


def redaction_clean(run: Subject) -> Says:
    """Look for secrets once more, in every payload and in every file that is not rendered."""
    for event in run.events:
        if found := run.secrets(to_payload(event.fact)):
            yield "FAIL", f"{found} secrets in {event.event_id} ({event.event_type})"
    for name, data in run.folder.files.items() if run.folder else ():
        if data != run.rendered.get(name, "").encode():
            text = data.decode(errors="replace")
            if found := run.secrets({"text": text}):
                yield "FAIL", f"{found} secrets in {name}"
    yield "PASS", f"{len(run.events)} payloads"


def commentary_matches_events(run: Subject) -> Says:
    """Say each sentence again from its event, and look that none was added, lost or moved."""
    expected = [s.to_json() for event in run.story.events if (s := commentary_for(event))]
    rows = run.rows(COMMENTARY_FILE)
    for row, sentence in zip(rows, expected, strict=False):
        if row != sentence:
            yield "FAIL", f"the sentence of {row.get('event_id')} is not {sentence['event_id']}'s"
            break
    yield from differing({"the number of sentences": (len(rows), len(expected))})
    yield "PASS", f"{len(expected)} sentences"


def commentary_delivery_consistent(run: Subject) -> Says:
    """Hold each delivery against the sentences that there were when it was told."""
    spoken: set[int] = set()
    told: set[int] = set()
    for event in run.events:
        if commentary_for(event):
            spoken.add(event.seq)
        if isinstance(event.fact, CommentaryDelivered):
            yield from _faults(event.event_id, event.fact, spoken)
            told |= set(event.fact.seqs)
    if run.folder:
        expected = json.loads(run.rendered[DELIVERY_FILE])
        found = run.parsed(DELIVERY_FILE)
        yield from differing({n: (found.get(n), expected[n]) for n in expected})
    yield "PASS", f"{len(told)} of {len(spoken)} sentences were told"


def _faults(name: str, fact: CommentaryDelivered, spoken: set[int]) -> Says:
    seqs = list(fact.seqs)
    if seqs != sorted(set(seqs)) or seqs[:1] != [fact.from_seq] or seqs[-1:] != [fact.to_seq]:
        yield "FAIL", f"{name} does not name the events from {fact.from_seq} to {fact.to_seq}"
    if fact.emitted + fact.failed != len(seqs) or fact.state not in DELIVERY_STATES:
        yield "FAIL", f"{name} counts {fact.emitted} and {fact.failed} of {len(seqs)} sentences"
    for seq in sorted(set(seqs) - spoken):
        yield "FAIL", f"{name} delivers event {seq}, which says nothing before it"


def observation_provenance(run: Subject) -> Says:
    """Weigh what a desktop is said to have shown: an import counts for nothing, and what was seen
    must be the sentence that it names, before the end."""
    spoken = {e.event_id: s.message for e in run.events if (s := commentary_for(e))}
    seen = [e for e in run.events if isinstance(e.fact, DesktopFact)]
    if not seen:
        yield "SKIP", "nothing was observed at a consumer"
    last = 0
    for event in seen:
        fact = event.fact
        if isinstance(fact, DesktopMessageObserved) and is_observed(fact):
            if spoken.get(fact.matched_event_id) != fact.text:
                yield "FAIL", f"{event.event_id} is not the sentence of {fact.matched_event_id}"
            number = int(fact.matched_event_id.removeprefix("evt_") or 0)
            if number < last:
                yield "FAIL", f"{event.event_id} comes before what was said earlier"
            last = number
    yield "PASS", f"{len(seen)} observations"
