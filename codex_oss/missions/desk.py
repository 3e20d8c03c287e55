"""Take a mission in at any door and run it to its end.

An `Order` enters `begin`, a `Run` leaves whose events each door dresses; a refusal is a logged run
of its own. A run belongs to the process that holds its `run.lock` (architecture 8).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import NoReturn

from codex_oss.chat import Burst, ChatModel, ChatRequest
from codex_oss.contract import MissionV1, contract_digest, parse_mission, render_mission
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BadMission, Cancelled, Refused
from codex_oss.layout import Layout
from codex_oss.log import Head, HeadStore, MissionEventLog, write_projections
from codex_oss.missions.archive import RunArchive
from codex_oss.missions.auditing import Auditor
from codex_oss.missions.facts import (
    Order,
    Sources,
    find_facts,
    profile_facts,
    reductions,
    renamed,
    without_floats,
)
from codex_oss.missions.group import AnyRun, GroupRun, group_facts, member_order, members_of
from codex_oss.missions.handover import Handover
from codex_oss.missions.keeping import Housekeeper
from codex_oss.missions.loop import MissionRun
from codex_oss.missions.observing import Observer
from codex_oss.missions.perform import Performer
from codex_oss.missions.results import refusal
from codex_oss.missions.resuming import ensure_resumable, raising, reopened
from codex_oss.missions.run import Run
from codex_oss.missions.same_requests import SameRequests, run_key_of
from codex_oss.missions.shelf import RunShelf
from codex_oss.missions.substitutes import Substitute
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.record import (
    CLOSER,
    GROUP,
    CancelRequested,
    Event,
    Fact,
    HeadSealed,
    Json,
    MissionAdmitted,
    MissionRefused,
    RunRecord,
    is_group,
    lane_states,
    score_of,
    sha256,
)
from codex_oss.redaction import Redactor
from codex_oss.runtime import PROMPT_VERSION, Admission, AdmissionFacts, admit
from codex_oss.system import DISK, Disk, FileLock, Git, write_atomic
from codex_oss.tools import Guard, ScopeSurvey, ToolBroker

MISSION_ID_CHARACTERS_MAX = 64
END_SECONDS_MAX = 10.0  # For the end of a run that was called off; it is due within 2 s.
END_POLL_SECONDS = 0.05

Models = Callable[[ModelProfile], ChatModel]


class MissionDesk:
    """All missions of one project."""

    def __init__(
        self,
        layout: Layout,
        *,
        project: Path,
        registry: ModelRegistry,
        models: Models,
        provider_fault: Callable[[ModelProfile], str],
        guard_for: Callable[[MissionV1], Guard],
        redactor: Redactor,
        clock: Clock,
        product: Callable[[], Json],
        progress_seconds: float,
        bursts_ahead_max: int,
        disk: Disk = DISK,
        handover: Handover | None = None,
        provider_wait: Callable[[ModelProfile], tuple[int, str]] = lambda _: (0, ""),
        seconds_max: int | None = None,
    ) -> None:
        self._layout = layout
        self._project = project
        self._registry = registry
        self._models = models
        self._provider_fault = provider_fault
        self._provider_wait = provider_wait
        self._seconds_max = seconds_max
        self._guard_for = guard_for
        self._redactor = redactor
        self._clock = clock
        self._product = product
        self._progress_seconds = progress_seconds
        self._bursts_ahead_max = bursts_ahead_max
        self._disk = disk
        self._heads = HeadStore(layout.heads, layout.head_key, disk)
        self._shelf = RunShelf(layout, self._heads, clock, redactor, disk)
        self.archive = RunArchive(layout, self._heads, clock, disk)
        self.housekeeper = Housekeeper(
            layout,
            self._heads,
            self.archive,
            clock,
            lambda run_id: self.close(run_id, CancelRequested("runtime", "interrupted")),
        )
        self._same = SameRequests(
            layout, self.archive, handover or Handover(), self.resume, clock=clock, disk=disk
        )
        self.observer = Observer(layout, self.archive, self._shelf, disk)
        self.auditor = Auditor(layout, self.archive, guard_for, redactor, clock)

    # ---- one run ---------------------------------------------------------------------------------

    def begin(self, order: Order, deadline: Deadline) -> AnyRun:
        """Admit a mission and return its run, or the run that the same request began before, or
        that of its group. A refused one is logged and raised; a busy one, and one for which there
        is no storage, is only raised."""
        order = replace(order, mission=self._as_logged(order.mission))
        members = members_of(order, self._registry)
        order = replace(order, route_class=GROUP) if members else order
        order = replace(order, run_key=run_key_of(order))
        guard = self._guard_for(order.mission)
        survey = guard.survey()
        with ExitStack() as on_failure, self._shelf.one_at_a_time():
            heads = tuple(self.archive.heads())  # Once: a thousand of them take 0.15 s to read.
            if same := self._same.begun(order.run_key, heads):
                return self._same.attached(same, deadline)
            mission_id = _name_of(order.mission, heads)
            order = renamed(order, mission_id)
            facts = self._facts(order, survey, heads)
            admission = admit(order.mission, facts, is_group=bool(members))
            if facts.storage_fault or admission.decision == "busy":
                raise refusal(admission)
            log = self._shelf.new_log(mission_id, order)
            lock = self._shelf.locked(log.run_id, on_failure)
            if admission.decision != "admitted":
                self._refuse(log, order, admission)
            admitted = self._admitted(order, admission, dict(survey.areas))
            if members:
                admitted = replace(admitted, profile=group_facts(members))
            opening = log.append(admitted)
            on_failure.pop_all()
        if members:
            return self._group(log, lock, opening, order, members, deadline)
        return self._run(log, lock, opening, self._models(order.profile), guard, deadline)

    def _group(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        order: Order,
        members: tuple[ModelProfile, ...],
        deadline: Deadline,
    ) -> GroupRun:
        return GroupRun(
            log,
            lock,
            opening,
            [member_order(order, log.mission_id, n, p) for n, p in enumerate(members, 1)],
            begin=self.begin,
            archive=self.archive,
            clock=self._clock,
            deadline=deadline.within(inf),
            write_files=partial(self._write_files, log),
        )

    def _facts(self, order: Order, survey: ScopeSurvey, heads: Sequence[Head]) -> AdmissionFacts:
        live_runs = self.archive.live_runs(heads)
        facts = find_facts(
            order, survey, self._layout, self._provider_fault, live_runs, self._seconds_max
        )
        seconds, error = self._provider_wait(order.profile)
        states = lane_states(self.archive.scorecards(heads), order.profile.name)
        return replace(facts, retry_after_seconds=seconds, last_error=error, lane_states=states)

    def sources(self, mission: MissionV1) -> Sources:
        """Return what a contract's scope holds at this moment."""
        guard = self._guard_for(mission)
        survey, found = guard.survey(), guard.readable_files()
        sizes: dict[str, int] = {}
        for file in found.files:
            with suppress(OSError):  # Gone since it was listed.
                sizes[file.path] = (guard.root / file.real_path).lstat().st_size
        missing = [(path, "absent") for path in survey.absent]
        missing += [(denied.path, denied.code) for denied in survey.refused]
        return Sources(sizes, tuple(dict.fromkeys(missing)))

    def resume(
        self,
        run_id: str,
        deadline: Deadline,
        raises: Mapping[str, int] | None = None,
        why: str = "",
    ) -> Run:
        """Take up a run that nobody holds: the same loop over the same log, with the limits that a
        person raises."""
        record = self.archive.load(run_id).record
        ensure_resumable(record, run_id)
        if is_group(record):
            hint = "resume its members (codex-oss mission list), or run the contract again"
            raise Refused(f"{run_id} compares other runs", code="group_not_resumable", hint=hint)
        with ExitStack() as on_failure:
            lock = self._shelf.locked(run_id, on_failure)
            profile = self._registry.resolve(record.profile.name)
            if fault := self._provider_fault(profile):
                raise Refused(fault, code=fault.split(":")[0], hint="set the provider's key")
            log = self._shelf.taken_up(run_id, record.admitted.mission_id)
            opening = reopened(log, raising(log.record, raises or {}, why))
            on_failure.pop_all()
        guard = self._guard_for(record.contract)
        return self._run(log, lock, opening, self._models(profile), guard, deadline)

    def cancel(self, name: str, why: str) -> RunRecord:
        """End a run with a report, whoever works on it, and return what became of it."""
        run = self.archive.load(name)
        run_id = run.run_id
        ensure_resumable(run.record, run_id)
        if run.record.loop.finalized:
            return run.record
        word = CancelRequested("person", why)
        if run.state == "open":
            log = self._shelf.log(run_id, run.mission_id)
            log.visit()
            log.offer(word)
            self._await_end(log)
            if log.record.loop.finalized:
                return log.record
        return self.close(run_id, word)

    def _await_end(self, log: MissionEventLog) -> None:
        give_up = self._clock.monotonic() + END_SECONDS_MAX
        while not log.record.loop.finalized and self.archive.is_held(log.run_id):
            if self._clock.monotonic() >= give_up:
                return
            self._clock.sleep(END_POLL_SECONDS)
            log.poll()

    def close(self, run_id: str, word: CancelRequested) -> RunRecord:
        """End a run that nobody works on by the normal verdict. No model is asked."""
        record = self.archive.load(run_id).record
        ensure_resumable(record, run_id)
        if is_group(record):
            hint = "resume its members (codex-oss mission list), or run the contract again"
            raise Refused(f"{run_id} compares other runs", code="group_not_resumable", hint=hint)
        with ExitStack() as on_failure:
            lock = self._shelf.locked(run_id, on_failure)
            log = self._shelf.taken_up(run_id, record.admitted.mission_id)
            opening = reopened(log, (word,))
            on_failure.pop_all()
        guard, deadline = self._guard_for(record.contract), Deadline(self._clock)
        for _ in self._run(log, lock, opening, _Nobody(), guard, deadline).events():
            continue
        return log.record

    def _run(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        model: ChatModel,
        guard: Guard,
        deadline: Deadline,
    ) -> Run:
        deadline = deadline.within(inf)
        performer = Performer(
            model,
            ToolBroker(guard),
            self._clock,
            deadline,
            progress_seconds=self._progress_seconds,
            bursts_ahead_max=self._bursts_ahead_max,
            other=partial(self._other, guard),
        )

        mission = log.record.mission
        is_waited_for = mission is not None and mission.admitted.run_key
        is_taken_up = partial(self._same.handover.is_taken, log.run_id) if is_waited_for else None
        loop = MissionRun(log, performer, deadline, is_taken_up)
        write_files = partial(self._write_files, log)
        return Run(log, lock, opening, loop, deadline, write_files, self._clock)

    def _write_files(self, log: MissionEventLog, events: tuple[Event, ...]) -> Iterator[Fact]:
        if self.archive.is_newest(log.run_id, log.mission_id):
            folder = self._layout.mission(log.mission_id)
            yield from write_projections(folder, events, self._disk)
        if score_of(log.record):
            cards = (
                json.dumps(self.archive.scorecards(), sort_keys=True, indent=2) + "\n"
            ).encode()
            write_atomic(self._layout.capability_scorecards, cards, self._disk)

    def _other(self, guard: Guard, record: RunRecord, name: str, why: str) -> Substitute:
        """Admit a profile to go on with a run in the place of the one that it was admitted with.
        Who only puts its result into words may be weaker: the contract named it."""
        admitted = record.admitted.admitted
        first, other = (self._registry.resolve(each) for each in (admitted.profile.name, name))
        order = Order(record.contract, other, admitted.model_alias, 0, admitted.door)
        survey, heads = guard.survey(), tuple(self.archive.heads())
        facts = self._facts(order, survey, heads)
        facts = replace(facts, live_runs=facts.live_runs - 1)  # This run has its place already.
        asked = self._facts(replace(order, profile=first), survey, heads)
        facts = facts if why == CLOSER else replace(facts, requested=asked.strength)
        admission = admit(record.contract, facts)
        is_in = admission.decision == "admitted"
        return Substitute(admission, self._models(other) if is_in else None)

    def _refuse(self, log: MissionEventLog, order: Order, admission: Admission) -> NoReturn:
        event = log.append(MissionRefused(render_mission(order.mission), admission.to_json()))[-1]
        log.append(HeadSealed(event.seq, event.event_hash, "refused"))
        raise refusal(admission, log.run_id)

    def _admitted(self, order: Order, admission: Admission, areas: Json) -> MissionAdmitted:
        mission, root = order.mission, str(self._project.resolve())
        budget, cuts = asdict(mission.budget), reductions(order, self._seconds_max)
        return MissionAdmitted(
            task_spec=render_mission(mission),
            risk_tier=mission.risk_tier,
            allowed_tool_classes=mission.scope.allowed_tool_classes,
            write_allowed=mission.write_allowed,
            model_alias=order.model_alias,
            route_class=order.route_class or order.door,
            contract_sha256=contract_digest(mission),
            admission=admission.to_json(),
            profile=profile_facts(order.profile),
            door=order.door,
            run_key=order.run_key,
            project={
                "name": self._project.name,
                "sha256": sha256(root.encode()),
                "git_head": Git(self._project).head(),
            },
            requested_mission_id=mission.mission_id,
            product={**self._product(), "prompt_version": PROMPT_VERSION},
            fallbacks=self._chain(order),
            areas=areas,
            limits={
                "requested": budget,
                "effective": budget | {str(cut["limit"]): cut["effective"] for cut in cuts},
                "reductions": cuts,
                **order.pack,
            },
        )

    def _chain(self, order: Order) -> tuple[str, ...]:
        """Return the profiles that may go on, in order: a packed report is a new run instead."""
        policy = render_mission(order.mission)["fallback_policy"]
        return () if policy == "none" or order.route_class else order.profile.fallbacks

    def _as_logged(self, mission: MissionV1) -> MissionV1:
        """Return the contract as it may stand in a log and a prompt, without secrets and without
        floats: its digest is of that."""
        clean, count = self._redactor.redact_value(without_floats(render_mission(mission)))
        if not count and clean == render_mission(mission):
            return mission
        assert isinstance(clean, dict)
        parsed = parse_mission(clean)
        if parsed.mission is None:
            raise BadMission(
                "the contract holds a secret where it cannot be taken out",
                faults=parsed.faults,
                hint="take the secret out of the contract",
            )
        return parsed.mission


class _Nobody:
    """The model of a run that is only closed: whoever asks it gets no answer."""

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        raise Cancelled("the run is being closed")


def _name_of(mission: MissionV1, heads: Sequence[Head]) -> str:
    """Return the mission's id: an id is bound to its contract, another contract gets `-2`."""
    digest = contract_digest(mission)
    taken = {h.mission_id: h.summary.get("contract") for h in heads}
    name, number = mission.mission_id, 1
    while taken.get(name, digest) != digest:
        number += 1
        suffix = f"-{number}"
        name = mission.mission_id[: MISSION_ID_CHARACTERS_MAX - len(suffix)] + suffix
    return name
