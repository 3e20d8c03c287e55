"""Do one thing. What follows a `yield` runs when that fact is on disk.

An intent and the record enter; facts leave, and `None` as a breath: nothing happened, look whether
another process wrote something. This is a border: whatever a step throws becomes the outcome of
that step, so that a run always reaches its end.
"""

import json
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import TypeVar, assert_never

from codex_oss.chat import Burst, ChatModel, TextRun, gather
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, UpstreamRejected, UpstreamTimeout
from codex_oss.missions.outcomes import cited, failed, forged, looked_at, observed, replied
from codex_oss.record import (
    Citation,
    CitationResult,
    EvidenceVerified,
    Fact,
    ModelRequested,
    RunRecord,
    RuntimeProgressEmitted,
    ToolCallEmitted,
    ToolDenied,
)
from codex_oss.runtime import (
    CallModel,
    Intent,
    LookAgain,
    Note,
    RunTool,
    prompt_for,
    result_bytes_max,
)
from codex_oss.system import ticking
from codex_oss.tools import Allowance, ToolBroker, ToolCall

BREATH_SECONDS = 0.25  # So soon a cancel of another process is noticed (event-log 4: 500 ms).
TOOL_SECONDS_MAX = 20.0  # Wall limit of one tool call (missions 5.1).
REPLY_BYTES_MAX = 1_048_576  # A reply that goes on and on is a failure, not an answer.
Item = TypeVar("Item")


class Performer:
    """Acts for one run: its model, its tools, its time."""

    def __init__(
        self,
        model: ChatModel,
        broker: ToolBroker,
        clock: Clock,
        deadline: Deadline,
        progress_seconds: float,
    ) -> None:
        self._model = model
        self._broker = broker
        self._clock = clock
        self._deadline = deadline
        self._progress_seconds = progress_seconds
        self._looking = Deadline(clock)  # A run that was called off still checks what it says.

    def perform(self, record: RunRecord, intent: Intent) -> Iterator[Fact | None]:
        match intent:
            case Note(fact):
                yield fact
            case CallModel(announced):
                yield from self._call_model(record, announced)
            case RunTool(announced):
                yield from self._run_tool(record, announced)
            case LookAgain():
                yield self._look_again(record, intent)
            case _:
                assert_never(intent)

    def _call_model(self, record: RunRecord, announced: ModelRequested) -> Iterator[Fact | None]:
        started, first_byte_ms = self._clock.monotonic(), 0
        progress_due = self._progress_seconds
        seconds = (announced.deadline_ms - announced.asked_at_ms) / 1000
        deadline = self._deadline.within(seconds)
        bursts: list[Burst] = []
        try:
            with closing(
                self._breathing(self._stream(record, announced, deadline), deadline)
            ) as it:
                for item in it:
                    if item is None:
                        waited = self._clock.monotonic() - started
                        yield _waiting(record, waited) if waited >= progress_due else None
                        progress_due += self._progress_seconds * (waited >= progress_due)
                        continue
                    first_byte_ms = first_byte_ms or self._since_ms(started)
                    bursts.append(item)
            profile = record.admitted.admitted.profile
            yield replied(
                announced, gather(bursts), profile, first_byte_ms, self._since_ms(started)
            )
        except BridgeError as error:
            yield failed(announced, error.code, error.message, error.retryable)
        except Exception as error:  # The border: a broken adapter is a failed call.
            yield failed(announced, "internal_error", type(error).__name__, False)

    def _stream(
        self, record: RunRecord, announced: ModelRequested, deadline: Deadline
    ) -> Iterator[Burst]:
        prompt = prompt_for(record, announced.purpose)
        if prompt.digest != announced.request_sha256:
            raise UpstreamRejected("the prompt is not the announced one", code="prompt_changed")
        size = 0
        for burst in self._model.stream(prompt.request, deadline):
            size += sum(map(_size, burst))
            if size > REPLY_BYTES_MAX:
                raise UpstreamRejected(
                    f"the reply passed {REPLY_BYTES_MAX} bytes", code="reply_too_large"
                )
            yield burst

    def _run_tool(self, record: RunRecord, announced: ToolCallEmitted) -> Iterator[Fact | None]:
        started = self._clock.monotonic()
        deadline = self._deadline.within(TOOL_SECONDS_MAX)
        call = ToolCall(announced.tool_name, json.loads(announced.arguments))
        limits = record.contract.budget
        allowance = Allowance(
            observation_bytes_left=limits.max_total_observation_bytes
            - record.budget.observation_bytes,
            result_bytes_max=result_bytes_max(record),
            files_opened=record.evidence.files,
            files_max=limits.max_files_to_inspect,
            tool_classes=record.contract.scope.allowed_tool_classes,
        )
        try:
            running = (self._broker.run(call, allowance, deadline) for _ in range(1))
            with closing(self._breathing(running, deadline)) as it:
                for item in it:
                    if item is None:
                        yield None
                        continue
                    yield observed(record, announced, item, self._since_ms(started))
        except BridgeError as error:
            yield ToolDenied(announced.call_id, call.name, error.code, error.message)
        except Exception as error:  # The border: a tool that breaks shows nothing.
            yield ToolDenied(announced.call_id, call.name, "tool_failed", type(error).__name__)

    def _look_again(self, record: RunRecord, intent: LookAgain) -> Fact:
        results = [self._looked_at(record, citation) for citation in intent.citations]
        return EvidenceVerified((*results, *map(forged, intent.forged)))

    def _looked_at(self, record: RunRecord, citation: Citation) -> CitationResult:
        command = record.evidence.commands[citation.command]
        if citation.path:
            found = self._broker.recheck(cited(citation), self._looking)
        else:
            call = ToolCall(command.tool_name, json.loads(command.arguments))
            found = self._broker.recheck_call(call, command.text, self._looking)
        return looked_at(citation, found)

    def _breathing(
        self, items: Iterable[Item], deadline: Deadline
    ) -> Generator[Item | None, None, None]:
        """Yield from `items`, and a breath in their silence: until they end or their time does,
        whatever they wait for."""
        with closing(
            ticking(items, BREATH_SECONDS, None, lambda: deadline.cancel("left"))
        ) as breathing:
            for item in breathing:
                if item is None and deadline.is_over:
                    deadline.raise_if_cancelled()
                    raise UpstreamTimeout("no answer came in the time that was left")
                yield item

    def _since_ms(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)


def _waiting(record: RunRecord, waited: float) -> Fact:
    limit = record.contract.budget.time_budget_seconds
    text = f"Still waiting for the model ({waited:.0f} s of {limit} s)."
    return RuntimeProgressEmitted("waiting", text)


def _size(part: object) -> int:
    """Return how many characters a part of a burst brings."""
    if isinstance(part, TextRun):
        return sum(map(len, part.literals))
    text = f"{getattr(part, 'text', '')}{getattr(part, 'reasoning', '')}"
    return len(text) + sum(len(delta.arguments) for delta in getattr(part, "calls", ()))
