"""Serve a legacy handoff to a raw model, in the mode that its words call for (bridge 18).

A request and its lane enter, the events of its turn leave. No shell is run here and nothing is
written; what reads files is a run with its guard, its redactor, its budgets and its log.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from codex_oss.chat import Burst, ChatChunk, ChatRequest, Usage, gather
from codex_oss.chat import Served as ServedBy
from codex_oss.contract import SupportTask, refusal_of, scope_of
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import Refused, UpstreamError, UpstreamTimeout
from codex_oss.gateway.lanes import SupportLane, SupportRules
from codex_oss.gateway.managed_bridge import ensure_our_project, run_key_of
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
from codex_oss.gateway.source_packs import Finalizers, Handed, SourcePacks, total_usage
from codex_oss.gateway.turns import Manner, Served, translated
from codex_oss.profiles import ModelProfile
from codex_oss.responses import (
    FinalReport,
    ResponsesRequest,
    Turn,
    assemble,
    narrate,
    task_text,
)
from codex_oss.server import HttpRequest

NO_WRITES = (
    "a raw model writes nothing here, and this version runs no isolated implementation yet: hand"
    " over the whole text as exact content, and get what it would change"
)
NOTHING_DONE = "No model was asked, and nothing was read, run or written."

MENDED = {
    "intent_text": "the model only announced what it would do, twice",
    "repeated_call": "the model made the same call a third time",
    "invalid_report": "the model gave no valid report",
}
"""What is wrong with a reply that is not passed on, where a report can be made without it."""


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
        packs: SourcePacks,
        rules: SupportRules,
        limits: SupportLimits,
        clock: Clock,
        manner: Manner,
    ) -> None:
        self._models = models
        self._finalizers = finalizers
        self._packs = packs
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
            case "bounded_write_exact":
                return self._proposed(request, http, lane)
            case "bounded_write":
                return self._escalated(request, http, lane, NO_WRITES)
            case "context_pack_report":
                return self._packed(request, http, lane)
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

    # ---- a report on what the runtime reads ------------------------------------------------------

    def _packed(self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane) -> Served:
        self._ensure_readable(lane.task, http)
        turn, _ = self._translated(request, http, lane)
        bursts = self._packs.report(_handed(request, http, lane))
        return turn, assemble(turn, unless_left(bursts))

    def _proposed(self, request: ResponsesRequest, http: HttpRequest, lane: SupportLane) -> Served:
        ensure_our_project(self.rules.project_root, http.headers)
        turn, _ = self._translated(request, http, lane)
        run = self._packs.begin_exact_write(_handed(request, http, lane))
        return turn, assemble(turn, unless_left(self._packs.propose(run, lane.profile)))

    def _ensure_readable(self, task: SupportTask, http: HttpRequest) -> None:
        """Raise what is wrong with reading for this task, before a stream begins."""
        ensure_our_project(self.rules.project_root, http.headers)
        scope_of(task)

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
        if lane.task.read_only_paths:
            self._ensure_readable(lane.task, http)
        turn, chat = self._translated(request, http, lane)
        bursts = self._mended(chat, task_text(request), lane, _handed(request, http, lane))
        return turn, assemble(turn, unless_left(bursts))

    def _translated(
        self,
        request: ResponsesRequest,
        http: HttpRequest,
        lane: SupportLane,
        *,
        strips_tools: bool = False,
    ) -> tuple[Turn, ChatRequest]:
        return translated(request, http, lane, self._clock, self._manner, strips_tools=strips_tools)

    def _mended(
        self, chat: ChatRequest, text: str, lane: SupportLane, handed: Handed
    ) -> Iterator[Burst]:
        """Yield the model's answer once it is known to be one: it is held back whole. Where it is
        none, and the task declares what may be read, a report is made without its model."""
        if not lane.task.read_only_paths:
            answer, _ = self._worked_on(chat, text, lane, handed.deadline)
            yield from answer
            return
        limits = self._limits
        kept = min(limits.report_seconds, limits.request_seconds / 2)
        try:
            in_time = handed.deadline.within(limits.request_seconds - kept)
            answer, fault = self._worked_on(chat, text, lane, in_time)
        except UpstreamTimeout as error:
            yield from self._packs.recover(handed, error)
            return
        if not fault:
            yield from answer
            return
        why = Refused(MENDED[fault], code=fault)
        yield from self._packs.recover(handed, why, gather(answer).usage)

    def _worked_on(
        self, chat: ChatRequest, text: str, lane: SupportLane, deadline: Deadline
    ) -> tuple[list[Burst], str]:
        """Return the answer of the turn, and what is wrong with it."""
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
        fault = judge(reply)
        if fault != "intent_text":
            return answer, fault
        again = ask(asking_again(chat, reply.text), deadline)
        second = gather(again)
        usage = total_usage(reply.usage, second.usage)
        return [*again, (ChatChunk(usage=usage),)], judge(second)

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


def _handed(request: ResponsesRequest, http: HttpRequest, lane: SupportLane) -> Handed:
    run_key = run_key_of(http.headers, request.asked.cache_key)
    return Handed(lane.task, lane.profile, http.deadline, run_key)
