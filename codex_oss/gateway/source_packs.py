"""Reports on files that the runtime reads for a model which has no tools (bridge 18, missions 14).

A task enters, the answer's text leaves as a burst, with the usage of its calls. Each report is a
run with its contract, guard, redactor, budgets and log: what is told of a source was read by it.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from codex_oss.chat import Burst, ChatChunk, Usage
from codex_oss.chat import Served as ServedBy
from codex_oss.contract import (
    MissionV1,
    SupportTask,
    exact_write_mission,
    packed_mission,
    scope_of,
    searches_in,
)
from codex_oss.deadline import Deadline
from codex_oss.errors import BridgeError, Busy, Refused
from codex_oss.gateway.pack_texts import Pack, sources_text, without_conclusions
from codex_oss.missions import AnyRun, MissionDesk, MissionResult, Order
from codex_oss.profiles import ModelProfile
from codex_oss.record import EXACT_WRITE, SOURCE_PACK, Json

RECOVERED = "Synthesis status: SOURCE_PACK_RECOVERY"
SECONDS_MIN, SECONDS_MAX, SECONDS_STEP = 5, 60, 5  # Of a packed report (missions 3).
FILES_MAX = 200  # That one contract can name.
NOT_APPLIED = (
    "The workspace is unchanged. A person takes the change with `git apply`; `mission promote`"
    " comes with isolated implementations, which this version does not run."
)

Finalizers = Callable[[ModelProfile], Sequence[ModelProfile]]
"""Returns the profiles that write a report for a task of this one, in the order they are asked."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A task, the raw model that it was handed to, and until when. `run_key` is what the same
    request again has in common with it: then no run is begun a second time (missions 4)."""

    task: SupportTask
    profile: ModelProfile
    deadline: Deadline
    run_key: str = ""


@dataclass(frozen=True, slots=True)
class PackLimits:
    """How much is read: characters of source text and searches of a context pack; files, and
    characters of an excerpt and of all of them, of a recovery. `completes`: a task whose model
    gave nothing gets a report without conclusions, and not an error. `asks_model`: on a change of
    exact text a model reports, too. `delta_chars` are the most of one text delta."""

    chars: int = 24_000
    searches: int = 12
    recovery_files: int = 20
    recovery_excerpt_chars: int = 1_500
    recovery_chars: int = 12_000
    seconds: float = 45
    completes: bool = True
    asks_model: bool = False
    delta_chars: int = 256


class SourcePacks:
    """Reads for the raw models of one project."""

    def __init__(self, desk: MissionDesk, finalizers: Finalizers, limits: PackLimits) -> None:
        self._desk = desk
        self._finalizers = finalizers
        self._limits = limits

    def report(self, handed: Handed) -> Iterator[Burst]:
        """Yield the report of a context pack, from its model; without one it is mended."""
        searches = searches_in(handed.task, self._limits.searches)
        pack = self._pack(handed, FILES_MAX, self._limits.chars, searches)
        if pack is None:
            raise _unreadable(handed.task, "there is nothing to report on")
        result = yield from self._run(handed, pack, handed.profile)
        if _has_report(result):
            text = f"{result.message}\n\n{sources_text(pack, result)}"
            yield from self._said(text, handed.profile, result.usage)
        else:
            error = Refused(f"the model gave no report ({result.status_reason})", code="no_report")
            yield from self.recover(handed, error, result.usage)

    def recover(
        self, handed: Handed, why: BridgeError, spent: Usage | None = None
    ) -> Iterator[Burst]:
        """Yield a report for a task whose model left it undone, or raise why there is none."""
        limits = self._limits
        handed = replace(handed, deadline=handed.deadline.within(limits.seconds))
        pack = self._pack(handed, limits.recovery_files, limits.recovery_chars)
        if pack is None:
            raise _unreadable(handed.task, why.message) from why
        result: MissionResult | None = None
        refused: BridgeError = why
        for finalizer in self._finalizers(handed.profile):
            if result and handed.deadline.seconds_left() < SECONDS_MIN:
                break
            try:
                result = yield from self._run(
                    handed, pack, finalizer, SOURCE_PACK, limits.recovery_excerpt_chars
                )
            except (Refused, Busy) as error:  # Another one may be admitted.
                refused = error
                continue
            spent = total_usage(spent, result.usage)
            if _has_report(result):
                head = f"{RECOVERED}\nWhat failed: {why.message}."
                text = f"{head}\n\n{result.message}\n\n{sources_text(pack, result)}"
                yield from self._said(text, finalizer, spent)
                return
        if result is None:
            raise refused
        if not limits.completes:
            raise why
        text = without_conclusions(handed.task, pack, result, why)
        yield from self._said(text, handed.profile, spent)

    def begin_exact_write(self, handed: Handed) -> AnyRun:
        """Admit the run that compares a file with the text it is to have, or raise why not."""
        mission = exact_write_mission(handed.task, seconds=_seconds(handed.deadline))
        extra: Json = {"asks_model": self._limits.asks_model}
        order = _order(handed, mission, handed.profile, EXACT_WRITE, extra)
        return self._desk.begin(order, handed.deadline)

    def propose(self, run: AnyRun, profile: ModelProfile) -> Iterator[Burst]:
        """Yield what the text would change. Nothing is written."""
        with closing(run.events()) as events:
            for _ in events:
                yield ()
        result = run.result()
        yield from self._said(f"{result.message}\n\n{NOT_APPLIED}", profile, result.usage)

    def _pack(
        self,
        handed: Handed,
        files_max: int,
        chars_max: int,
        searches: tuple[tuple[str, str], ...] = (),
    ) -> Pack | None:
        """Return what can be read of the task's paths, the smallest files first: what they leave
        of their part is for the longer ones. `None` where nothing can."""
        found = self._desk.sources(scope_of(handed.task))
        searched = [path for _, path in searches]
        whole = [path for path in found.files if path not in searched]
        chosen = sorted(whole, key=lambda path: (found.files[path], path))[:files_max]
        if not found.files:
            return None
        seconds = _seconds(handed.deadline)
        mission = packed_mission(
            handed.task, chosen, searches, bytes_max=chars_max, seconds=seconds
        )
        left_out = tuple((path, "left_out") for path in whole if path not in chosen)
        return Pack(mission, searches, found.files, (*found.missing, *left_out))

    def _said(self, text: str, profile: ModelProfile, usage: Usage | None) -> Iterator[Burst]:
        """Yield a text as the whole answer of this model."""
        chars = self._limits.delta_chars
        pieces = (text[start : start + chars] for start in range(0, len(text), chars))
        yield (
            ServedBy(profile.name, profile.upstream_model, profile.family, profile.wire),
            *(ChatChunk(text=piece) for piece in pieces),
            ChatChunk(finish="stop", usage=usage),
        )

    def _run(
        self,
        handed: Handed,
        pack: Pack,
        profile: ModelProfile,
        route_class: str = "",
        excerpt_chars: int = 0,
    ) -> Generator[Burst, None, MissionResult]:
        """Run one report to its end, with a sign of life for each of its events."""
        extra: Json = {
            **({"excerpt_bytes_max": excerpt_chars} if excerpt_chars else {}),
            **({"searches": [list(each) for each in pack.searches]} if pack.searches else {}),
        }
        order = _order(handed, pack.mission, profile, route_class, extra)
        run = self._desk.begin(order, handed.deadline)
        with closing(run.events()) as events:
            for _ in events:
                yield ()
        return run.result()


def _order(
    handed: Handed, mission: MissionV1, profile: ModelProfile, route_class: str, pack: Json
) -> Order:
    """Return the order of one of the runs that a task may take: each model has its own."""
    run_key = handed.run_key and f"{handed.run_key}:{route_class}:{profile.name}"
    return Order(
        mission,
        profile,
        model_alias=profile.name,
        alias_tier=0,
        door="native",
        run_key=run_key,
        route_class=route_class,
        pack=pack,
    )


def total_usage(first: Usage | None, second: Usage | None) -> Usage | None:
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


def _seconds(deadline: Deadline) -> int:
    """Return how long a report may take, in steps: the same request again has the same contract."""
    steps = int(deadline.seconds_left() / SECONDS_STEP)
    return max(SECONDS_MIN, min(SECONDS_MAX, steps * SECONDS_STEP))


def _has_report(result: MissionResult) -> bool:
    return result.report["report_source"] != "runtime_answer_graph"


def _unreadable(task: SupportTask, why: str) -> Refused:
    paths = ", ".join(task.read_only_paths)
    return Refused(
        f"{why}, and none of the declared read paths can be read: {paths}",
        code="no_readable_source",
        hint="name files of the project in READ-ONLY PATHS",
    )
