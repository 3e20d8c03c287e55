"""Several profiles on one contract: independent runs side by side, then one that compares them.

The group's log is opened by the desk; the members' runs are begun here, each with its own log and
budget, none sees another. What they found is compared when all have ended (missions 16).
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from weakref import finalize

from codex_oss.deadline import Clock, Deadline
from codex_oss.errors import BridgeError, Busy
from codex_oss.log import MissionEventLog
from codex_oss.missions.archive import RunArchive
from codex_oss.missions.attached import AttachedRun
from codex_oss.missions.facts import Order
from codex_oss.missions.results import MissionResult, result_of
from codex_oss.missions.run import Run
from codex_oss.missions.telling import Delivery
from codex_oss.profiles import ModelProfile, ModelRegistry
from codex_oss.record import (
    MEMBER,
    CancelRequested,
    Event,
    Fact,
    GateEvaluated,
    HeadSealed,
    Member,
    MissionFinalized,
    ProfileFacts,
    RunRecord,
    RuntimeProgressEmitted,
    conditions,
    corroborated,
    group_message,
    sha256,
    verdict,
)
from codex_oss.system import FileLock, Worker

LOOK_SECONDS = 0.1
NAME_CHARACTERS_MAX = 60
PLACE_SECONDS = 0.5  # Between two looks for a place, where all of them are taken.

AnyRun: TypeAlias = "Run | AttachedRun | GroupRun"
Begin = Callable[[Order, Deadline], AnyRun]


@dataclass
class _Part:
    """A member on its thread: its run once it began, why there is none, and whether it ended."""

    profile: str
    run_id: str = ""
    fault: str = ""
    is_told: bool = False
    worker: Worker | None = field(default=None, repr=False)


class GroupRun:
    """The run of a group, which its owner pulls like any other."""

    def __init__(
        self,
        log: MissionEventLog,
        lock: FileLock,
        opening: tuple[Event, ...],
        orders: Sequence[Order],
        *,
        begin: Begin,
        archive: RunArchive,
        clock: Clock,
        deadline: Deadline,
        write_files: Callable[[tuple[Event, ...]], Iterator[Fact]],
    ) -> None:
        self._log, self._lock, self._opening, self._orders = log, lock, opening, orders
        self._begin, self._archive, self._clock = begin, archive, clock
        self._deadline, self._write_files = deadline, write_files
        self.delivery, self._outcome = Delivery(clock), "delivered"
        self._ended: RunRecord | None = None
        finalize(self, lock.release)

    @property
    def run_id(self) -> str:
        return self._log.run_id

    @property
    def mission_id(self) -> str:
        return self._log.mission_id

    def events(self) -> Generator[Event, None, None]:
        """Yield every event of the group, durable before it is seen."""
        try:
            yield from self._opening
            yield from self._members_ended()
            yield from self._closed()
        finally:
            self._deadline.cancel("client left")
            self._lock.release()

    def result(self) -> MissionResult:
        return result_of(self._ended or self._log.record, self._outcome)

    def _members_ended(self) -> Iterator[Event]:
        self._parts = [_Part(order.profile.name) for order in self._orders]
        for part, order in zip(self._parts, self._orders, strict=True):
            part.worker = Worker(lambda p=part, o=order: self._work(p, o), f"member {part.profile}")  # type: ignore[misc]  # The loop's values, not its variables.
        while not all(part.is_told for part in self._parts):
            yield from self._log.poll()
            yield from self._heed()
            for part in self._parts:
                if not part.is_told and part.worker and part.worker.join(0):
                    part.is_told = True
                    yield from self._log.append(RuntimeProgressEmitted("member", _ended(part)))
            self._clock.sleep(LOOK_SECONDS)

    def _work(self, part: _Part, order: Order) -> None:
        """Run a member to its end. Whatever keeps it from that is told of it."""
        try:
            run = self._begun(order)
            part.run_id = run.run_id
            for _ in run.events():
                pass
        except BridgeError as error:
            part.fault = f"{error.code}: {error.message}"

    def _begun(self, order: Order) -> AnyRun:
        """Begin a member as soon as there is a place for it."""
        while True:
            try:
                return self._begin(order, self._deadline)
            except Busy:
                if self._deadline.is_over:
                    raise
                self._clock.sleep(PLACE_SECONDS)

    def _heed(self) -> Iterator[Event]:
        loop, why = self._log.record.loop, self._deadline.cancelled_because
        if loop.cancelled_by and not why:
            self._deadline.cancel(loop.cancel_reason or "cancelled")
        elif why and not loop.cancelled_by:
            by = "client" if why.startswith("client") else "person"
            yield from self._log.append(CancelRequested(by, why))

    def _closed(self) -> Iterator[Event]:
        log = self._log
        yield from log.append(corroborated([self._member(part) for part in self._parts]))
        met, ended = conditions(log.record), verdict(log.record)
        failed = tuple(name for name, holds in met.items() if not holds)
        basis = (f"evt_{log.record.last_seq:06}",)
        yield from log.append(GateEvaluated("closure", dict(met), ended.status, failed, basis))
        yield from self._tell_of_delivery()
        text = group_message(log.record, ended)
        digest = sha256(text.encode())
        yield from log.append(
            MissionFinalized(ended.status, ended.confidence, digest, text, ended.reason)
        )
        self._ended = log.record  # What a report tells, whatever comes after it.
        finalized = log.record.loop
        head = HeadSealed(finalized.finalized_seq, finalized.finalized_hash, "final")
        yield from log.append(head)
        yield from self._tell_of_delivery(is_last=True)
        try:
            for fact in self._write_files(log.events):
                yield from log.append(fact)
        except (OSError, BridgeError) as error:
            self._outcome = f"delivered, but files could not be written ({error})"

    def _tell_of_delivery(self, *, is_last: bool = False) -> Iterator[Event]:
        for fact in self.delivery.facts(is_last=is_last):
            yield from self._log.append(fact)

    def _member(self, part: _Part) -> Member:
        if not part.run_id:
            return Member(part.profile, fault=part.fault or "never_began")
        record = self._archive.load(part.run_id).record
        is_there = record.mission is not None and record.loop.finalized is not None
        return Member(part.profile, record if is_there else None, part.fault)


def members_of(order: Order, registry: ModelRegistry) -> tuple[ModelProfile, ...]:
    """Return the profiles that are to work on a contract each for itself, if there are any."""
    policy = order.mission.document["corroboration"]
    names = policy["profiles"] if isinstance(policy, dict) else []
    return () if order.route_class == MEMBER else tuple(map(registry.resolve, names))


def member_order(order: Order, mission_id: str, number: int, profile: ModelProfile) -> Order:
    """Return the order of a member: its contract is the group's, its name its own."""
    name = f"{mission_id[:NAME_CHARACTERS_MAX]}-m{number}"
    document = {**order.mission.document, "mission_id": name}
    mission = replace(order.mission, mission_id=name, document=document)
    return Order(mission, profile, profile.name, 0, order.door, route_class=MEMBER)


def group_facts(profiles: Sequence[ModelProfile]) -> ProfileFacts:
    """Return what the group's log keeps of its models: it asks none itself, and costs nothing."""
    return ProfileFacts(
        name=", ".join(profile.name for profile in profiles),
        upstream_model="",
        exposure="remote" if any(p.exposure == "remote" for p in profiles) else "local",
        context_window=min(profile.context_window for profile in profiles),
        max_output_tokens=min(profile.max_output_tokens for profile in profiles),
        input_price=0,
        output_price=0,
    )


def _ended(part: _Part) -> str:
    if part.fault:
        return f"The run of {part.profile} could not go on: {part.fault}."
    return f"The run of {part.profile} has ended: {part.run_id}."
