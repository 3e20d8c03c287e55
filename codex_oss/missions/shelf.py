"""The logs of a project's runs, made and taken up by one process at a time.

A run belongs to the process that holds its `run.lock`, in which stand its pid, start time and boot;
the kernel frees the lock when that process ends, so that whoever comes next may take the run up.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from codex_oss.contract import contract_digest
from codex_oss.deadline import Clock
from codex_oss.errors import BridgeError, Busy, Refused
from codex_oss.layout import Layout
from codex_oss.log import HeadStore, MissionEventLog
from codex_oss.missions.facts import Order
from codex_oss.record import Json
from codex_oss.redaction import Redactor
from codex_oss.system import DISK, Disk, FileLock, ProcessId, new_id, private_folder

ADMISSION_SECONDS_MAX = 5.0
LOCK_SECONDS = 0.0  # A run that another process holds is running: there is nothing to wait for.


class RunShelf:
    """Where runs are put and taken from. Reading them is the archive's."""

    def __init__(
        self,
        layout: Layout,
        heads: HeadStore,
        clock: Clock,
        redactor: Redactor,
        disk: Disk = DISK,
    ) -> None:
        self._layout, self._heads, self._clock = layout, heads, clock
        self._redactor, self._disk = redactor, disk

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Admit one mission of a project at a time, so that names and places are given once."""
        try:
            self._layout.make()
            private_folder(self._layout.runs, self._disk)
            lock = FileLock(self._layout.admission_lock, self._clock)
            is_ours = lock.acquire(ADMISSION_SECONDS_MAX)
        except (OSError, BridgeError):
            yield  # Nothing can be stored here: admission says so.
            return
        if not is_ours:
            raise Busy("another mission is being admitted", hint="try again in 1s")
        try:
            yield
        finally:
            lock.release()

    def new_log(self, mission_id: str, order: Order) -> MissionEventLog:
        now = self._clock.now()
        run_id = f"run_{now:%Y%m%dt%H%M%Sz}_{now.microsecond // 1000:03x}{new_id(5)}"
        log = self.log(run_id, mission_id)
        log.create(
            {
                "tier": order.mission.tier,
                "status": "NEW",
                "alias": order.model_alias,
                "contract": contract_digest(order.mission),
                "run_key": order.run_key,
            }
        )
        return log

    def taken_up(self, run_id: str, mission_id: str) -> MissionEventLog:
        """Return a log to go on with, of a run that has not ended."""
        log = self.log(run_id, mission_id)
        log.open()
        if log.record.loop.finalized and log.record.delivery.sealed:
            hint = f"run: codex-oss show-summary {run_id}"
            raise Refused(f"{run_id} has ended already", code="already_final", hint=hint)
        return log

    def log(self, run_id: str, mission_id: str) -> MissionEventLog:
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

    def locked(self, run_id: str, on_failure: ExitStack) -> FileLock:
        lock = FileLock(self._layout.run_lock(run_id), self._clock)
        if not lock.acquire(LOCK_SECONDS):
            raise Refused(
                f"{run_id} is running: {lock.holder}",
                code="run_is_active",
                hint=f"run: codex-oss show-trace {run_id}",
            )
        on_failure.callback(lock.release)
        lock.write_holder(owner())
        return lock


def owner() -> str:
    me = ProcessId.of(os.getpid())
    return f"pid {me.pid}, started {me.start}, boot {me.boot}"
