"""The mission turn: a handoff in a request becomes a governed run, told as it happens.

A request and its lane enter, the events of its turn leave: a message for each visible sentence, and
the report at the end. All that can be refused is refused before the first word (bridge 5).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import PurePosixPath

from codex_oss.chat import ChatMessage, Usage
from codex_oss.contract import HandoffValidation, extract_handoff
from codex_oss.deadline import Clock
from codex_oss.errors import Busy, Refused
from codex_oss.gateway.lanes import MissionLane
from codex_oss.gateway.turns import Served, new_turn
from codex_oss.missions import (
    AnyRun,
    MissionDesk,
    MissionResult,
    Order,
    TraceStyle,
    telling,
)
from codex_oss.record import (
    ReportedMission,
    Sentence,
    mission_reported_in,
)
from codex_oss.responses import (
    Commentary,
    FinalReport,
    Receipt,
    ResponsesRequest,
    narrate,
    task_text,
)
from codex_oss.server import HttpRequest

TURN_METADATA = "x-codex-turn-metadata"
REPORT_BEGIN, REPORT_END = "OSS_REPORT_BEGIN", "OSS_REPORT_END"


class MissionTurns:
    """Serves the mission lane of one project."""

    def __init__(
        self,
        desk: MissionDesk,
        project_root: str,
        style: TraceStyle,
        clock: Clock,
        *,
        inline_report: bool = False,
    ) -> None:
        self._desk = desk
        self._root = project_root
        self._style, self._inline_report = style, inline_report
        self._clock = clock

    def begin(self, request: ResponsesRequest, http: HttpRequest, lane: MissionLane) -> Served:
        """Admit the request's handoff, or raise every reason why not."""
        ensure_our_project(self._root, http.headers)
        handed = extract_handoff(task_text(request), lane.tier or "A3", self._root)
        receipt = Receipt(
            lane="mission",
            profile=lane.profile.name,
            upstream_model=lane.profile.upstream_model,
            fallback_from=lane.fallback_from,
        )
        turn = new_turn(request, receipt, http, self._clock)
        if handed.handoff_type == "none" and (reported := _reported_in(request)):
            return turn, narrate(turn, [_already_told(reported, handed)])
        order = Order(
            mission=handed.mission_for_runtime(),
            profile=lane.profile,
            model_alias=request.model,
            alias_tier=int(lane.tier[1:] or 0),
            door="native",
            warnings=handed.warnings,
            run_key=run_key_of(http.headers, request.asked.cache_key),
        )
        try:
            run = self._desk.begin(order, http.deadline)
        except Busy as error:
            if not request.stream:
                raise
            return turn, narrate(turn, _failing(error))
        return turn, narrate(turn, self._told(run))

    def _told(self, run: AnyRun) -> Iterator[Commentary | FinalReport]:
        with closing(telling(run, self._style)) as told:
            for sentence, text in told:
                yield Commentary(text, visible_event(sentence))
        yield self._final(run.result())

    def _final(self, result: MissionResult) -> FinalReport:
        text = result.message
        if self._inline_report:
            report = json.dumps(result.report, sort_keys=True, ensure_ascii=False)
            text += f"\n\n{REPORT_BEGIN}\n{report}\n{REPORT_END}"
        return FinalReport(text, result.usage)


def ensure_our_project(root: str, headers: Mapping[str, str]) -> None:
    """Refuse a caller whose workspaces all lie elsewhere (delivery 6)."""
    workspaces = _workspaces(headers.get(TURN_METADATA, ""))
    if not workspaces or any(_are_related(root, other) for other in workspaces):
        return
    raise Refused(
        f"this bridge serves {root}, the request comes from {workspaces[0]}",
        code="wrong_project_root",
        hint="start a bridge in that project: codex-oss up",
    )


def run_key_of(headers: Mapping[str, str], cache_key: str) -> str:
    """Return what a request has in common with itself when Codex sends it again after a stream
    that broke off: thread and turn, else its cache key (missions 4)."""
    said = _turn_metadata(headers.get(TURN_METADATA, ""))
    thread, turn = said.get("thread_id"), said.get("turn_id")
    if isinstance(thread, str) and isinstance(turn, str) and thread and turn:
        return f"turn:{thread}:{turn}"
    return f"cache:{cache_key}" if cache_key else ""


def _reported_in(request: ResponsesRequest) -> ReportedMission | None:
    """Return the newest mission whose report stands in this thread."""
    said = (i.text for i in request.items if isinstance(i, ChatMessage) and i.role == "assistant")
    reports = [reported for text in said if (reported := mission_reported_in(text))]
    return reports[-1] if reports else None


def _already_told(reported: ReportedMission, handed: HandoffValidation) -> FinalReport:
    """Say what became of a thread's mission to who asks on without a contract: nothing is run a
    second time (bridge 5)."""
    text = (
        f"Mission {reported.mission_id} ended {reported.status}; its report stands above, and"
        f" nothing was run again: {'; '.join(handed.reasons)}.\n\n"
        f"- Its report: `codex-oss show-summary {reported.mission_id}`, or {reported.artifacts}.\n"
        "- For another mission, hand over a new block: `codex-oss mission template --handoff`."
    )
    return FinalReport(text, Usage(0, 0))


def _failing(error: Busy) -> Iterator[Commentary | FinalReport]:
    """Tell nothing but that there is no room: Codex waits and tries a failed stream again, and no
    refused request (bridge 5)."""
    raise error
    yield


def visible_event(sentence: Sentence) -> Mapping[str, object]:
    """Return the item's `oss_visible_event` (bridge 5)."""
    return {
        "schema_version": "visible_commentary_event.v1",
        "mission_id": sentence.mission_id,
        "event_id": sentence.event_id,
        "event_type": sentence.event_type,
        "phase": sentence.phase,
        "source": sentence.source,
        "safe_for_user": True,
        "seq": sentence.seq,
    }


def _workspaces(metadata: str) -> list[str]:
    """Return the folders that Codex says it works in; none where it does not say."""
    found = _turn_metadata(metadata).get("workspaces")
    return list(found) if isinstance(found, dict) else []


def _turn_metadata(text: str) -> Mapping[str, object]:
    """Return what Codex says of a turn; nothing where that cannot be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _are_related(ours: str, theirs: str) -> bool:
    """Whether one folder lies in the other, or is it."""
    a, b = PurePosixPath(ours), PurePosixPath(theirs)
    return a.is_relative_to(b) or b.is_relative_to(a)
