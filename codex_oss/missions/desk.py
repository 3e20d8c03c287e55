"""Take a mission in at any door and run it to its end.

An `Order` enters `begin`, a `Run` leaves whose events each door dresses; a refusal is a logged run
of its own. A run belongs to the process that holds its `run.lock` (architecture 8).
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from codex_oss.chat import ChatModel
from codex_oss.contract import MissionV1, contract_digest, parse_mission, render_mission
from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BadMission, Refused
from codex_oss.layout import Layout
from codex_oss.log import HeadStore, MissionEventLog, write_projections
from codex_oss.missions.archive import RunArchive
from codex_oss.missions.facts import Order, find_facts, profile_facts
from codex_oss.missions.loop import MissionRun
from codex_oss.missions.perform import Performer
from codex_oss.missions.results import MissionResult, refusal, result_of
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.record import (
    Event,
    Fact,
    HeadSealed,
    Json,
    MissionAdmitted,
    MissionRefused,
    RunResumed,
)
from codex_oss.redaction import Redactor
from codex_oss.runtime import PROMPT_VERSION, Admission, admit
from codex_oss.system import DISK, Disk, FileLock, Git, ProcessId, new_id, private_folder
from codex_oss.tools import Guard, ToolBroker

MISSION_ID_CHARACTERS_MAX = 64
LOCK_SECONDS = 0.0  # A run that another process holds is running: there is nothing to wait for.

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
        product: Json,
        progress_seconds: float,
        disk: Disk = DISK,
    ) -> None:
        self._layout = layout
        self._project = project
        self._registry = registry
        self._models = models
        self._provider_fault = provider_fault
        self._guard_for = guard_for
        self._redactor = redactor
        self._clock = clock
        self._product = product
        self._progress_seconds = progress_seconds
        self._disk = disk
        self._heads = HeadStore(layout.heads, layout.head_key, disk)
        self.archive = RunArchive(layout, self._heads, clock, disk)

    # ---- one run ---------------------------------------------------------------------------------

    def begin(self, order: Order, deadline: Deadline) -> "Run":
        """Admit a mission and return its run. Refused and busy ones are `Refused`, and logged."""
        order = replace(order, mission=self._without_secrets(order.mission))
        guard = self._guard_for(order.mission)
        facts = find_facts(
            order, guard.survey(), self._layout, self._provider_fault, self.archive.live_runs()
        )
        admission = admit(order.mission, facts)
        mission_id = self._name_of(order.mission)
        log = self._new_log(mission_id, order)
        with ExitStack() as on_failure:
            lock = self._locked(log.run_id, on_failure)
            if admission.decision != "admitted":
                self._refuse(log, order, admission)
            opening = log.append(self._admitted(order, admission, mission_id))
            on_failure.pop_all()
        return self._run(log, lock, opening, order.profile, guard, deadline)

    def resume(self, run_id: str, deadline: Deadline) -> "Run":
        """Take up a run that nobody holds: the same loop over the same log."""
        known = self.archive.load(run_id)
        if known.record.mission is None:
            raise Refused(f"{run_id} was refused, there is nothing to resume", code="already_final")
        with ExitStack() as on_failure:
            lock = self._locked(run_id, on_failure)
            log = self._log(run_id, known.mission_id)
            log.open()
            if log.record.loop.finalized and log.record.delivery.sealed:
                hint = f"run: codex-oss show-summary {run_id}"
                raise Refused(f"{run_id} has ended already", code="already_final", hint=hint)
            opening = log.append(self._resumed(log)) if log.record.is_open else ()
            mission = known.record.contract
            profile = self._registry.resolve(known.record.mission.admitted.profile.name)
            on_failure.pop_all()
        return self._run(log, lock, opening, profile, self._guard_for(mission), deadline)

    def _run(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        profile: ModelProfile,
        guard: Guard,
        deadline: Deadline,
    ) -> "Run":
        deadline = deadline.within(float("inf"))
        broker = ToolBroker(guard)
        performer = Performer(
            self._models(profile), broker, self._clock, deadline, self._progress_seconds
        )
        folder = self._layout.mission(log.mission_id)
        write_files = partial(write_projections, folder, disk=self._disk)
        loop = MissionRun(log, performer, deadline)
        return Run(log, lock, opening, loop, deadline, write_files)

    def _resumed(self, log: MissionEventLog) -> RunResumed:
        loop = log.record.loop
        open_intents = [f"model_call:{loop.open_request.call}"] if loop.open_request else []
        open_intents += [f"tool_call:{loop.open_tool.call_id}"] if loop.open_tool else []
        return RunResumed("resume", _owner(), tuple(open_intents))

    def _refuse(self, log: MissionEventLog, order: Order, admission: Admission) -> None:
        event = log.append(MissionRefused(render_mission(order.mission), admission.to_json()))[-1]
        log.append(HeadSealed(event.seq, event.event_hash, "refused"))
        raise refusal(admission, log.run_id)

    def _admitted(self, order: Order, admission: Admission, mission_id: str) -> MissionAdmitted:
        mission = order.mission
        return MissionAdmitted(
            task_spec=render_mission(mission),
            risk_tier=mission.risk_tier,
            allowed_tool_classes=mission.scope.allowed_tool_classes,
            write_allowed=mission.write_allowed,
            model_alias=order.model_alias,
            route_class=order.door,
            contract_sha256=contract_digest(mission),
            admission=admission.to_json(),
            profile=profile_facts(order.profile),
            door=order.door,
            run_key="",
            project={"name": self._project.name, "git_head": Git(self._project).head()},
            requested_mission_id=mission.mission_id,
            product={**self._product, "prompt_version": PROMPT_VERSION},
        )

    def _without_secrets(self, mission: MissionV1) -> MissionV1:
        """Return the contract as it may stand in a log and a prompt: its digest is of that."""
        clean, count = self._redactor.redact_value(render_mission(mission))
        if not count:
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

    def _name_of(self, mission: MissionV1) -> str:
        """Return the mission's id: an id is bound to its contract, another contract gets `-2`."""
        digest = contract_digest(mission)
        taken = {h.mission_id: h.summary.get("contract") for h in self.archive.heads()}
        name, number = mission.mission_id, 1
        while taken.get(name, digest) != digest:
            number += 1
            suffix = f"-{number}"
            name = mission.mission_id[: MISSION_ID_CHARACTERS_MAX - len(suffix)] + suffix
        return name

    # ---- logs ------------------------------------------------------------------------------------

    def _new_log(self, mission_id: str, order: Order) -> MissionEventLog:
        moment = self._clock.now().strftime("%Y%m%dt%H%M%Sz")
        run_id = f"run_{moment}_{new_id(8)}"
        private_folder(self._layout.run(run_id), self._disk)
        log = self._log(run_id, mission_id)
        mission = order.mission
        log.create(
            {
                "tier": mission.tier,
                "status": "NEW",
                "alias": order.model_alias,
                "contract": contract_digest(mission),
            }
        )
        return log

    def _log(self, run_id: str, mission_id: str) -> MissionEventLog:
        return MissionEventLog(
            self._layout.run(run_id),
            mission_id,
            heads=self._heads,
            clock=self._clock,
            redact=self._redact,
            disk=self._disk,
        )

    def _redact(self, payload: Json) -> Json:
        clean, _ = self._redactor.redact_value(payload)
        assert isinstance(clean, dict)
        return clean

    def _locked(self, run_id: str, on_failure: ExitStack) -> FileLock:
        lock = FileLock(self._layout.run_lock(run_id), self._clock)
        if not lock.acquire(LOCK_SECONDS):
            raise Refused(
                f"{run_id} is running: {lock.holder}",
                code="run_is_active",
                hint=f"run: codex-oss show-trace {run_id}",
            )
        on_failure.callback(lock.release)
        lock.write_holder(_owner())
        return lock


def _owner() -> str:
    me = ProcessId.of(os.getpid())
    return f"pid {me.pid}, started {me.start}"


class Run:
    """One run in this process, from its opening to its files."""

    def __init__(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        loop: MissionRun,
        deadline: Deadline,
        write_files: Callable[[tuple[Event, ...]], Iterator[Fact]],
    ) -> None:
        self._log, self._lock, self._opening = log, lock, opening
        self._loop, self._deadline, self._write_files = loop, deadline, write_files

    @property
    def run_id(self) -> str:
        return self._log.run_id

    @property
    def mission_id(self) -> str:
        return self._log.mission_id

    def events(self) -> Generator[Event, None, None]:
        """Yield every event, durable before it is seen. Whoever stops pulling ends the run: it
        still closes with a verdict and its files."""
        steps = self._steps()
        try:
            for event in steps:  # noqa: UP028 - `yield from` would close `steps` with us.
                yield event
        finally:
            self._deadline.cancel("client left")
            try:
                for _ in steps:
                    pass
            finally:
                self._lock.release()

    def _steps(self) -> Iterator[Event]:
        yield from self._opening
        yield from self._loop.run()
        for fact in self._write_files(self._log.events):
            yield from self._log.append(fact)

    def result(self) -> MissionResult:
        return result_of(self._log.record)
