"""Serve a legacy handoff to a raw model, in the mode that its words call for (bridge 18).

A request and its lane enter, the events of its turn leave. No shell is run here and nothing is
written; what reads files is a run with its guard, its redactor, its budgets and its log.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from codex_oss.chat import Burst, ChatChunk, ChatRequest, Usage, gather
from codex_oss.chat import Served as ServedBy
from codex_oss.contract import refusal_of
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import UpstreamError
from codex_oss.gateway.lanes import SupportLane, SupportRules
from codex_oss.gateway.plain import Models, unless_left
from codex_oss.gateway.rounds import (
    RoundLimits,
    asking_again,
    asking_for_report,
    fault_of,
    rounds_in,
    since_task,
    with_outputs_cut,
)
from codex_oss.gateway.turns import Manner, Served, new_turn
from codex_oss.profiles import ModelProfile
from codex_oss.responses import (
    FinalReport,
    ResponsesRequest,
    Turn,
    assemble,
    narrate,
    task_text,
    to_chat_request,
)
from codex_oss.server import HttpRequest

NO_WRITES = (
    "a raw model writes nothing here: an isolated implementation is a mission of its own, and this"
    " version has none yet"
)
NOTHING_DONE = "No model was asked, and nothing was read, run or written."

Finalizers = Callable[[ModelProfile], Sequence[ModelProfile]]
"""Returns the profiles that write a report for a task of this one, in the order they are asked."""


@dataclass(frozen=True, slots=True)
class SupportLimits:
    """What the settings of the support modes say: rounds, and seconds of the whole request and of
    the report at its end."""

    rounds: RoundLimits = RoundLimits()
    request_seconds: float = 90
    report_seconds: float = 45


class SupportTurns:
    """Serves the support lane of one project."""

    def __init__(
        self,
        models: Models,
        finalizers: Finalizers,
        rules: SupportRules,
        limits: SupportLimits,
        clock: Clock,
        manner: Manner,
    ) -> None:
        self._models = models
        self._finalizers = finalizers
        self.rules = rules
        self._limits = limits
        self._clock = clock
        self._manner = manner

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane) -> Served:
        """Translate, or raise what cannot be: nothing is refused once events are asked for."""
        http = replace(http, deadline=http.deadline.within(self._limits.request_seconds))
        match lane.mode:
            case "refused":
                return self._escalated(
                    request, http, lane, refusal_of(lane.task, self.rules.critical_roots)
                )
            case "bounded_write" | "bounded_write_exact":
                return self._escalated(request, http, lane, NO_WRITES)
            case "no_tool_exact":
                return self._without_tools(request, http, lane)
            case _:
                return self._with_tools(request, http, lane)

    # ---- without a model -------------------------------------------------------------------------

    def _escalated(
        self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane, why: str
    ) -> Served:
        turn, _ = self._translated(request, http, lane)
        text = f"**Outcome**: ESCALATE\n\n{why[0].upper()}{why[1:]}.\n\n{NOTHING_DONE}"
        return turn, narrate(turn, [FinalReport(text, Usage(0, 0))])

    # ---- the plain lane, with less ---------------------------------------------------------------

    def _without_tools(
        self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane
    ) -> Served:
        turn, chat = self._translated(request, http, lane, strips_tools=True)
        bursts = self._models(lane.profile).stream(chat, http.deadline)
        return turn, assemble(turn, unless_left(bursts))

    def _with_tools(
        self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane
    ) -> Served:
        turn, chat = self._translated(request, http, lane)
        bursts = self._worked_on(chat, task_text(request), lane, http.deadline)
        return turn, assemble(turn, unless_left(bursts))

    def _translated(
        self,
        request: ResponsesRequest,
        http: HttpRequest,
        lane: SupportLane,
        *,
        strips_tools: bool = False,
    ) -> tuple[Turn, ChatRequest]:
        profile, manner = lane.profile, self._manner
        chat, receipt = to_chat_request(
            request,
            profile.dialect,
            strips_tools=strips_tools or manner.strips_tools,
            one_call=manner.one_call,
        )
        receipt = replace(
            receipt,
            lane="support",
            mode=lane.mode,
            profile=profile.name,
            upstream_model=profile.upstream_model,
            wire=profile.wire,
            fallback_from=lane.fallback_from,
        )
        turn = new_turn(request, receipt, http, self._clock, manner, profile.family)
        return turn, chat

    def _worked_on(
        self, chat: ChatRequest, text: str, lane: SupportLane, deadline: Deadline
    ) -> Iterator[Burst]:
        """Yield the answer of the turn once it is known to be one: it is held back whole."""
        task, limits = lane.task, self._limits.rounds
        chat = with_outputs_cut(chat, limits.output_chars)
        history = since_task(chat.messages, text)
        rounds = rounds_in(history)
        due, most = limits.budget(task.rounds, may_write=task.may_write)
        ask = partial(self._asked, [lane.profile])
        is_report = rounds >= due
        if is_report:
            tools_left = limits.tools_left if rounds < most else ()
            chat = asking_for_report(chat, task.deliverables, rounds, tools_left)
            ask = partial(self._asked, self._finalizers(lane.profile))
            deadline = deadline.within(self._limits.report_seconds)
        judge = partial(
            fault_of,
            history=history,
            request=chat,
            deliverables=task.deliverables,
            is_report=is_report,
        )
        answer = ask(chat, deadline)
        reply = gather(answer)
        if judge(reply) == "intent_text":
            again = ask(asking_again(chat, reply.text), deadline)
            answer = [*again, (ChatChunk(usage=_sum(reply.usage, gather(again).usage)),)]
        yield from answer

    def _asked(
        self, profiles: Sequence[ModelProfile], chat: ChatRequest, deadline: Deadline
    ) -> list[Burst]:
        """Return the whole answer of the first of these models that gives one."""
        first, *_ = profiles
        for profile in profiles:
            try:
                bursts = list(self._models(profile).stream(chat, deadline))
            except UpstreamError:
                if profile is profiles[-1] or deadline.is_over:
                    raise
                continue
            fallback_from = first.name if profile is not first else ""
            served = ServedBy(
                profile.name, profile.upstream_model, profile.family, fallback_from=fallback_from
            )
            return [(served,), *bursts]
        raise AssertionError("somebody is always asked")


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    """Return the tokens of two calls, unknown where one of them is."""
    if first is None or second is None:
        return None
    return Usage(
        first.input_tokens + second.input_tokens,
        first.output_tokens + second.output_tokens,
        first.cached_tokens + second.cached_tokens,
        first.reasoning_tokens + second.reasoning_tokens,
        first.cache_write_tokens + second.cache_write_tokens,
    )
