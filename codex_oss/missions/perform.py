"""Do one thing. What follows a `yield` runs when that fact is on disk.

An intent and the record enter; facts leave, and `None` as a breath: nothing happened, look whether
another process wrote something. This is a border: whatever a step throws becomes the outcome of
that step, so that a run always reaches its end. Every step has a limit, so that the end comes in
time (missions 10.2).
"""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from functools import partial
from typing import TypeVar, assert_never

from codex_oss.chat import Burst, ChatChunk, ChatModel, TextRun, gather
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, UpstreamRejected, UpstreamTimeout
from codex_oss.missions.outcomes import cited, failed, forged, looked_at, observed, replied
from codex_oss.missions.substitutes import Other, changed
from codex_oss.record import (
    CLOSER,
    Citation,
    CitationResult,
    EvidenceVerified,
    Fact,
    ModelRequested,
    RunRecord,
    RuntimeProgressEmitted,
    ToolCallEmitted,
    ToolDenied,
    reserve_seconds,
)
from codex_oss.runtime import (
    CallModel,
    ChangeProfile,
    Intent,
    LookAgain,
    Note,
    RunTool,
    announced_prompt,
    result_bytes_max,
)
from codex_oss.system import ticking
from codex_oss.tools import TOOL_CLASSES, Allowance, ToolBroker, ToolCall

BREATH_SECONDS = 0.25  # So soon a cancel of another process is noticed (event-log 4: 500 ms).
TOOL_SECONDS_MAX = 20.0  # Wall limit of one tool call (missions 5.1).
REPLY_CHARACTERS_MAX = 1_048_576  # A reply that goes on and on is a failure, not an answer.
OVERTIME_SECONDS = 2.0  # Of the 5 s after its time in which a run must have ended (missions 10.2).
CANCELLED_SECONDS = 0.5  # For looking again after a cancel: the end is due within 1 s.
Item = TypeVar("Item")


class Performer:
    """Acts for one run: its model, its tools, its time."""

    def __init__(
        self,
        model: ChatModel,
        broker: ToolBroker,
        clock: Clock,
        deadline: Deadline,
        *,
        progress_seconds: float,
        bursts_ahead_max: int,
        other: Other | None = None,
    ) -> None:
        self._model = model
        self._broker = broker
        self._clock = clock
        self._deadline = deadline
        self._progress_seconds = progress_seconds
        self._bursts_ahead_max = bursts_ahead_max
        self._other = other

    def perform(self, record: RunRecord, intent: Intent) -> Iterator[Fact | None]:
        match intent:
            case Note(fact):
                yield fact
            case CallModel(announced):
                yield from self._call_model(record, announced)
            case RunTool(announced):
                yield from self._run_tool(record, announced)
            case LookAgain():
                yield from self._look_again(record, intent)
            case ChangeProfile(name, why):
                yield self._changed_to(record, name, why)
            case _:
                assert_never(intent)

    # ---- asking the model ------------------------------------------------------------------------

    def _call_model(self, record: RunRecord, announced: ModelRequested) -> Iterator[Fact | None]:
        started, first_byte_ms = self._clock.monotonic(), 0
        progress_due = self._progress_seconds
        seconds = (announced.deadline_ms - announced.asked_at_ms) / 1000
        deadline = self._deadline.within(seconds)
        bursts: list[Burst] = []
        try:
            deadline.raise_if_cancelled()
            stream = self._stream(record, announced, deadline)
            with closing(self._breathing(stream, deadline)) as breathing:
                for burst in breathing:
                    if burst:
                        first_byte_ms = first_byte_ms or self._since_ms(started)
                        bursts.append(burst)
                    waited = self._clock.monotonic() - started
                    if waited >= progress_due:
                        progress_due += self._progress_seconds
                        yield _waiting(record, waited)
                    elif burst is None:
                        yield None
            profile = record.profile
            yield replied(
                announced,
                gather(bursts),
                profile,
                first_byte_ms,
                self._since_ms(started),
                may_call=not record.contract.is_packed and announced.purpose != CLOSER,
            )
        except BridgeError as error:
            if self._is_left(record):
                return
            yield failed(announced, error.code, error.message, error.retryable)
        except Exception as error:  # The border: a broken adapter is a failed call.
            yield failed(announced, "internal_error", type(error).__name__, False)

    def _stream(
        self, record: RunRecord, announced: ModelRequested, deadline: Deadline
    ) -> Iterator[Burst]:
        prompt = announced_prompt(record, announced)
        if prompt.digest != announced.request_sha256:
            raise UpstreamRejected("the prompt is not the announced one", code="prompt_changed")
        size = 0
        for burst in self._model.stream(prompt.request, deadline):
            size += sum(map(_size, burst))
            if size > REPLY_CHARACTERS_MAX:
                raise UpstreamRejected(
                    f"the reply passed {REPLY_CHARACTERS_MAX} characters", code="reply_too_large"
                )
            yield burst

    def _changed_to(self, record: RunRecord, name: str, why: str) -> Fact:
        """Ask another profile from here on, if it may stand in for the one that cannot go on."""
        try:
            found = self._other(record, name, why) if self._other else None
        except BridgeError as error:
            return changed(record, name, why, None, error.code)
        if found and found.model:
            self._model = found.model
        return changed(record, name, why, found)

    # ---- running tools ---------------------------------------------------------------------------

    def _run_tool(self, record: RunRecord, announced: ToolCallEmitted) -> Iterator[Fact | None]:
        started = self._clock.monotonic()
        call = ToolCall(announced.tool_name, json.loads(announced.arguments))
        deadline = self._deadline.within(_tool_seconds(record))
        limits = record.contract.budget
        allowance = Allowance(
            observation_bytes_left=limits.max_total_observation_bytes
            - record.budget.observation_bytes,
            result_bytes_max=result_bytes_max(record),
            files_opened=record.evidence.files,
            files_max=limits.max_files_to_inspect,
            tool_classes=_classes(record, announced),
        )
        try:
            running = (self._broker.run(call, allowance, deadline) for _ in range(1))
            with closing(self._breathing(running, deadline)) as breathing:
                for result in breathing:
                    if result is None:
                        yield None
                        continue
                    yield observed(record, announced, result, self._since_ms(started))
        except UpstreamTimeout:
            if self._is_left(record):
                return
            rule = "it was ended when its time was over"
            yield ToolDenied(announced.call_id, call.name, "tool_timeout", rule)
        except BridgeError as error:
            if self._is_left(record):
                return
            yield ToolDenied(announced.call_id, call.name, error.code, error.message)
        except Exception as error:  # The border: a tool that breaks shows nothing.
            yield ToolDenied(announced.call_id, call.name, "tool_failed", type(error).__name__)

    # ---- looking again ---------------------------------------------------------------------------

    def _look_again(self, record: RunRecord, intent: LookAgain) -> Iterator[Fact | None]:
        """Look at every citation for as long as there is time: what was not looked at carries no
        COMPLETE. Even a run that was called off checks what it says."""
        deadline = Deadline(self._clock, _looking_seconds(record))
        results: list[CitationResult] = []
        looking = (look_again(record, self._broker, each, deadline) for each in intent.citations)
        with suppress(UpstreamTimeout), closing(self._breathing(looking, deadline)) as breathing:
            for result in breathing:
                if result is None:
                    yield None
                else:
                    results.append(result)
        yield EvidenceVerified((*results, *map(forged, intent.forged)))

    # ---- time ------------------------------------------------------------------------------------

    def _breathing(
        self, items: Iterable[Item], deadline: Deadline
    ) -> Generator[Item | None, None, None]:
        """Yield from `items` until they end or their time does, whatever they wait for, and draw
        breath in their silence and between them."""
        breath_due = self._clock.monotonic() + BREATH_SECONDS
        leave = partial(deadline.cancel, "left")
        with closing(ticking(items, BREATH_SECONDS, None, leave, self._bursts_ahead_max)) as ticks:
            for item in ticks:
                if deadline.is_over:
                    deadline.raise_if_cancelled()
                    raise UpstreamTimeout("no answer came in the time that was left")
                if item is None or self._clock.monotonic() >= breath_due:
                    breath_due = self._clock.monotonic() + BREATH_SECONDS
                    yield None
                if item is not None:
                    yield item

    def _is_left(self, record: RunRecord) -> bool:
        """Whether the client left in this step: whoever goes on with the run takes it again."""
        left = self._deadline.cancelled_because.startswith("client")
        return left and not record.loop.cancelled_by

    def _since_ms(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)


def look_again(
    record: RunRecord, broker: ToolBroker, citation: Citation, deadline: Deadline
) -> CitationResult:
    """Say what became of cited lines, or of what a cited call gave."""
    if citation.path:
        return looked_at(citation, broker.recheck(cited(citation), deadline))
    command = record.evidence.commands[citation.command]
    call = ToolCall(command.tool_name, command.asked)
    return looked_at(citation, broker.recheck_call(call, command.text, deadline))


def _tool_seconds(record: RunRecord) -> float:
    """Return how long a tool may take: its own limit, and never into the time for closing."""
    seconds = record.contract.budget.time_budget_seconds
    left = seconds - reserve_seconds(seconds) - record.budget.elapsed_ms / 1000
    return max(0.0, min(TOOL_SECONDS_MAX, left))


def _classes(record: RunRecord, announced: ToolCallEmitted) -> tuple[str, ...]:
    """Return the tools of a call: for a packed report the runtime looks, whose model has none."""
    is_packing = record.contract.is_packed and not announced.response_id
    return TOOL_CLASSES if is_packing else record.contract.scope.allowed_tool_classes


def _looking_seconds(record: RunRecord) -> float:
    if record.loop.cancelled_by:
        return CANCELLED_SECONDS
    seconds = record.contract.budget.time_budget_seconds
    return max(0.0, seconds - record.budget.elapsed_ms / 1000) + OVERTIME_SECONDS


def _waiting(record: RunRecord, waited: float) -> Fact:
    limit = record.contract.budget.time_budget_seconds
    text = f"Still waiting for the model ({waited:.0f} s of {limit} s)."
    return RuntimeProgressEmitted("waiting", text)


def _size(part: object) -> int:
    """Return how many characters a part of a burst brings; none brings less than one."""
    if isinstance(part, TextRun):
        return sum(map(len, part.literals)) + 1
    if not isinstance(part, ChatChunk):
        return 1
    calls = sum(len(c.arguments) + len(c.name) + len(c.call_id) + 1 for c in part.calls)
    return len(part.text) + len(part.reasoning) + sum(map(len, part.reasoning_blocks)) + calls + 1
