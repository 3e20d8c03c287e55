"""Follow a run to its end: in place on a terminal, in lines elsewhere.

A run enters, its result leaves; what is told on the way goes to stderr. Ctrl-C ends the run with a
report, a second one leaves it as it is.
"""

from contextlib import closing
from dataclasses import replace

from codex_oss.cli.output import DIM, Console, Result
from codex_oss.cli.panel import Panel, panel_of
from codex_oss.cli.watching import Watching
from codex_oss.deadline import Deadline
from codex_oss.errors import Cancelled
from codex_oss.missions import AnyRun, MissionResult, TraceStyle, telling
from codex_oss.record import CancelRequested, Event
from codex_oss.system import Pulse, on_interrupt
from codex_oss.wiring import Workshop

NOT_COMPLETE, INTERRUPTED = 1, 130
ENDING = "interrupted: ending the run with a report (Ctrl-C again leaves it open)"
SECOND = 1.0  # Time that is left is shown in seconds.
IN_PLACE_MAX = 1_000_000  # Sentences that follow each other in one place: they need no limit.


def followed(run: AnyRun, deadline: Deadline, workshop: Workshop, console: Console) -> Result:
    """Tell a run as it happens, and return what it gave."""
    style = _style(workshop)
    watching = Watching(workshop.clock, lambda: workshop.desk.archive.load(run.run_id).events)
    panel = panel_of(watching.lines) if style.mode != "off" and style.events_max else None
    try:
        console.tell(f"run: {run.run_id} (Ctrl-C ends it with a report)")
        with on_interrupt(lambda: deadline.cancel("interrupted")):
            if panel:
                _watched(run, style, watching, panel)
                console.tell(watching.spent())
            else:
                _told(run, style, console)
    except KeyboardInterrupt:
        raise _left_open(run.run_id, workshop) from None
    result = run.result()
    return Result(result.to_json(), result.message, _exit_code(result))


def _style(workshop: Workshop) -> TraceStyle:
    settings = workshop.settings
    return TraceStyle(
        settings.oss_visible_trace,
        settings.oss_visible_trace_max_events,
        settings.oss_visible_trace_max_event_chars,
    )


def _told(run: AnyRun, style: TraceStyle, console: Console) -> None:
    """Tell a run in lines, each with the number of its event."""

    def heed(event: Event) -> None:
        if isinstance(event.fact, CancelRequested):
            console.say(ENDING)

    with closing(telling(run, style, heed)) as told:
        for sentence, text in told:
            console.tell(f"{sentence.seq:4}  {text}")


def _watched(run: AnyRun, style: TraceStyle, watching: Watching, panel: Panel) -> None:
    """Show a run in place. What went wrong, and how it ended, stays on the screen."""

    def heed(event: Event) -> None:
        watching.see(event)
        if isinstance(event.fact, CancelRequested):
            panel.say(ENDING)
        panel.paint()

    pulse = Pulse(SECOND)
    try:
        whole = replace(style, events_max=IN_PLACE_MAX)
        with pulse.watching(panel.paint), closing(telling(run, whole, heed)) as told:
            for sentence, text in told:
                watching.step = text
                if sentence.is_end or sentence.severity != "info":
                    panel.say(f"{sentence.seq:4}  {text}", DIM)
                panel.paint()
    finally:
        pulse.stop()
        panel.close()


def _left_open(run_id: str, workshop: Workshop) -> Cancelled:
    """Return what to say of a run that was left in the middle, or just before its files."""
    if workshop.desk.archive.load(run_id).state == "final":
        hint = f"its report is in the log: codex-oss show-summary {run_id}"
        return Cancelled(f"interrupted: {run_id} had ended", hint=hint)
    hint = f"run: codex-oss mission resume {run_id}"
    return Cancelled(f"interrupted: {run_id} is left open", hint=hint)


def _exit_code(result: MissionResult) -> int:
    if result.status_reason == "cancelled":
        return INTERRUPTED
    return 0 if result.status == "COMPLETE" else NOT_COMPLETE
