"""An honest run passes every check, and each check is red on the defect that was planted for it."""

import json
import unittest
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from random import Random

from support import LONG, chance, scratch
from support.damage import ODD
from support.golden import cases
from support.missions import ScriptedModel, begin, calls, report, workshop, write_tree

from codex_oss.audit import CHECKS, Folder, LogState, Subject, audit, outcome_of
from codex_oss.errors import Refused
from codex_oss.log import parse_log
from codex_oss.missions import TraceStyle, telling
from codex_oss.record import (
    CitationResult,
    CommentaryDelivered,
    DesktopMessageObserved,
    Event,
    EvidenceVerified,
    Fact,
    GateEvaluated,
    HeadSealed,
    Json,
    MissionAdmitted,
    MissionFinalized,
    ModelReplied,
    ModelRequested,
    Place,
    ProjectionWritten,
    ToolCallEmitted,
    ToolObserved,
    UnknownFact,
    encode,
    render,
)
from codex_oss.redaction import Redactor

REF = "file:src/config.py#extract:1"
SECRET = "ghp_" + "R4nd0mLooking" * 2 + "Token12345"
READ = calls(("rtk_read", {"path": "src/config.py", "reason": "to see it"}))
DENIED = calls(("rtk_read", {"path": ".env"}))
GOOD = report(("`load` is defined with TIMEOUT = 30 above it", [f"{REF}@L1-L5"]))
OF_A3 = [check.name for check in CHECKS if check.needs not in ("open", "patch", "critical")]
BY_NAME = {check.name: check for check in CHECKS}
OF_OPEN = [check.name for check in CHECKS if check.needs == "open"]

Defect = Callable[[Subject], Subject]


@cache
def honest() -> Subject:
    """Return a run that ended COMPLETE, as an audit finds it."""
    with scratch() as folder:
        shop = workshop(write_tree(folder), ScriptedModel(READ, DENIED, GOOD))
        run = begin(shop)
        tuple(telling(run, TraceStyle()))
        assert run.result().status == "COMPLETE", run.result().message
        return shop.desk.auditor.subject(run.run_id)


@cache
def open_run() -> Subject:
    """Return the same events under the contract of an open investigation, with its files."""
    admitted = honest().events[0].fact
    assert isinstance(admitted, MissionAdmitted)
    spec = admitted.task_spec | {"objective_style": "open_investigation"}
    run = facts_changed(honest(), MissionAdmitted, task_spec=spec)
    return with_files(run, {name: text.encode() for name, text in render(run.events).items()})


def failing(run: Subject, status: str = "FAIL") -> set[str]:
    return {outcome.name for outcome in audit(run) if outcome.status == status}


# ---- defects -------------------------------------------------------------------------------------


def rechained(run: Subject, facts: list[Fact], run_id: str = "", mission_id: str = "") -> Subject:
    """Return the run with these facts, every hash made anew, and a head that knows of them."""
    events: list[Event] = []
    for at, fact in enumerate(facts):
        like = run.events[min(at, len(run.events) - 1)]
        names = (run_id or like.run_id, mission_id or like.mission_id)
        place = Place(events[-1] if events else None, *names, like.created_at, like.elapsed_ms)
        events.append(encode(fact, place).event)
    log = replace(run.log, head_count=len(events), head_hash=events[-1].event_hash)
    return replace(run, events=tuple(events), log=log)


def facts_of(run: Subject) -> list[Fact]:
    return [event.fact for event in run.events]


def facts_changed(run: Subject, kind: type, **changes: object) -> Subject:
    """Change the first fact of a kind."""
    facts = facts_of(run)
    at = next(at for at, fact in enumerate(facts) if isinstance(fact, kind))
    facts[at] = replace(facts[at], **changes)  # type: ignore[arg-type]
    return rechained(run, facts)


def without(run: Subject, kind: type) -> Subject:
    facts = facts_of(run)
    facts.remove(next(fact for fact in facts if isinstance(fact, kind)))
    return rechained(run, facts)


def with_files(run: Subject, files: dict[str, bytes]) -> Subject:
    assert run.folder
    return replace(run, folder=replace(run.folder, files=files))


def edited(name: str, old: str = "", new: str = " ") -> Defect:
    """Return the defect of a file in which a text was replaced, or to which one was added."""

    def plant(run: Subject) -> Subject:
        assert run.folder
        data = run.folder.files[name].decode()
        assert old in data, (name, old)
        text = data.replace(old, new, 1) if old else data + new
        return with_files(run, {**run.folder.files, name: text.encode()})

    return plant


def member(name: str, key: str, value: object) -> Defect:
    """Return the defect of a JSON file with another member."""

    def plant(run: Subject) -> Subject:
        assert run.folder
        document = json.loads(run.folder.files[name])
        assert document[key] != value, (name, key)
        text = json.dumps(document | {key: value}, sort_keys=True, indent=2) + "\n"
        return with_files(run, {**run.folder.files, name: text.encode()})

    return plant


def lines_swapped(name: str) -> Defect:
    def plant(run: Subject) -> Subject:
        assert run.folder
        first, second, *rest = run.folder.files[name].splitlines(keepends=True)
        return with_files(run, {**run.folder.files, name: b"".join((second, first, *rest))})

    return plant


def logged(kind: type, **changes: object) -> Defect:
    return lambda run: facts_changed(run, kind, **changes)


def judged(**changes: object) -> Defect:
    return lambda run: replace(run, log=replace(run.log, **changes))  # type: ignore[arg-type]


def admission(**changes: object) -> Defect:
    def plant(run: Subject) -> Subject:
        admitted = run.events[0].fact
        assert isinstance(admitted, MissionAdmitted)
        return facts_changed(run, MissionAdmitted, admission=admitted.admission | changes)

    return plant


def measured(name: str, **changes: object) -> Defect:
    """Return the defect of a check that looked at something else and found the same."""

    def plant(run: Subject) -> Subject:
        admitted = run.events[0].fact
        assert isinstance(admitted, MissionAdmitted)
        checks = deepcopy(admitted.admission["checks"])
        assert isinstance(checks, list)
        (wanted,) = (check for check in checks if check["id"] == name)
        wanted["input"] |= changes
        return admission(checks=checks)(run)

    return plant


def contract(**changes: object) -> Defect:
    def plant(run: Subject) -> Subject:
        admitted = run.events[0].fact
        assert isinstance(admitted, MissionAdmitted)
        return facts_changed(run, MissionAdmitted, task_spec=admitted.task_spec | changes)

    return plant


def limited(**changes: object) -> Defect:
    def plant(run: Subject) -> Subject:
        admitted = run.events[0].fact
        assert isinstance(admitted, MissionAdmitted)
        effective = admitted.limits["effective"]
        assert isinstance(effective, dict)
        limits = admitted.limits | {"effective": effective | changes}
        return facts_changed(run, MissionAdmitted, limits=limits)

    return plant


def shown_elsewhere(run: Subject) -> Subject:
    seen = next(fact for fact in facts_of(run) if isinstance(fact, ToolObserved))
    extract = replace(seen.extracts[0], path="secrets/key.txt")
    return facts_changed(run, ToolObserved, extracts=(extract,))


def gate_without_a_condition(run: Subject) -> Subject:
    gate = next(fact for fact in facts_of(run) if isinstance(fact, GateEvaluated))
    return facts_changed(run, GateEvaluated, inputs=gate.inputs | {"no_contradiction": False})


def stale(file_sha256: str) -> Defect:
    def plant(run: Subject) -> Subject:
        again = CitationResult(REF, "stale", "src/config.py", 1, 5, "", file_sha256)
        return replace(run, again=run.again | {REF: again})

    return plant


def never_there(run: Subject) -> Subject:
    seen = next(fact for fact in facts_of(run) if isinstance(fact, ToolObserved))
    return stale(seen.extracts[0].file_sha256)(run)


def text_changed(run: Subject) -> Subject:
    seen = next(fact for fact in facts_of(run) if isinstance(fact, ToolObserved))
    return stale("")(facts_changed(run, ToolObserved, text=seen.text.replace("30", "31")))


def first(run: Subject, kind: type) -> Fact:
    return next(fact for fact in facts_of(run) if isinstance(fact, kind))


def observed(event_id: str, text: str) -> Defect:
    """Return the defect of a capture that shows another sentence than the event's."""
    seen = DesktopMessageObserved("a", "m1", text, True, False, event_id, "app_server_client")
    return lambda run: rechained(run, [*facts_of(run), seen])


def illegal(run: Subject) -> Subject:
    facts = facts_of(run)
    at = next(at for at, fact in enumerate(facts) if isinstance(fact, ToolObserved))
    return rechained(run, [*facts[: at + 1], *facts[at:]])


def one_more(name: str) -> Defect:
    def plant(run: Subject) -> Subject:
        assert run.folder
        return with_files(run, {**run.folder.files, name: b"{}"})

    return plant


NOTHING_LOOKED_AT = (CitationResult(f"{REF}@L1-L5", "stale", "src/config.py", 1, 5, ""),)
DEFECTS: tuple[tuple[str, str, Defect], ...] = (
    ("log_present", "its beginning is missing", lambda r: replace(r, events=r.events[1:])),
    ("log_present", "it is another run's", lambda r: replace(r, run_id="run_other")),
    ("log_present", "it cannot be read", judged(verdict="unreadable", rule="a link")),
    ("log_chain_ok", "a line is damaged", judged(verdict="damaged", rule="not_canonical", line=3)),
    ("log_chain_ok", "an event is left out",
     lambda r: replace(r, events=(*r.events[:5], *r.events[6:]))),
    ("log_head_matches", "its end is cut off", judged(head_count=999)),
    ("log_head_matches", "it was written anew", judged(head_hash="sha256:" + "0" * 64)),
    ("log_head_matches", "its head is gone", judged(head_count=-1)),
    ("log_head_matches", "the report's head is not in it", judged(verdict="rewritten")),
    ("log_sealed", "there is no seal", lambda r: without(r, HeadSealed)),
    ("log_sealed", "the seal is of another end", logged(HeadSealed, sealed_hash="sha256:0")),
    ("log_sealed", "the run has not ended", lambda r: replace(r, events=r.events[:9])),
    ("blobs_present", "a text is missing", judged(verdict="damaged", rule="blob_missing:x")),
    ("record_consistent", "an outcome stands twice", illegal),
    ("record_deterministic", "the files are of another record",
     logged(ProjectionWritten, source_run_record_hash="sha256:0")),
    ("mission_dir", "a file of nobody", one_more("notes.json")),
    ("mission_dir", "everybody may read it",
     lambda r: replace(r, folder=Folder("x", 0o755, r.folder.files if r.folder else {}))),
    ("mission_json", "edited", edited("mission.json")),
    ("report_json", "edited", edited("report.json")),
    ("decision_trace_json", "edited", edited("decision_trace.json")),
    ("ledger_json", "edited", edited("ledger.json")),
    ("claim_graph_json", "edited", edited("claim_graph.json")),
    ("run_record_json", "edited", edited("run_record.json")),
    ("mission_summary_json", "edited", edited("mission_summary.json")),
    ("trace_jsonl", "edited", edited("trace.jsonl")),
    ("visible_commentary_jsonl", "edited", edited("visible_commentary.jsonl")),
    ("summary_md", "edited", edited("summary.md")),
    ("projections_match", "edited", edited("ledger.json")),
    ("projections_match", "its event is missing", lambda r: without(r, ProjectionWritten)),
    ("mission_id_matches", "the log is of another mission",
     lambda r: rechained(r, facts_of(r), mission_id="other")),
    ("mission_id_matches", "a file is of another mission",
     member("ledger.json", "mission_id", "other")),
    ("contract_digest_matches", "another digest", logged(MissionAdmitted, contract_sha256="0")),
    ("contract_digest_matches", "another contract", contract(objective="Where is `main`?")),
    ("contract_digest_matches", "another file", member("mission.json", "objective", "x")),
    ("admission_recorded", "no check", admission(checks=[])),
    ("admission_recorded", "admitted while refused", admission(decision="refused")),
    ("admission_recomputes", "there was no room", measured("storage", free_bytes=0)),
    ("admission_recomputes", "nothing was readable", measured("scope", files=0)),
    ("admission_recomputes", "it was another contract", measured("contract", sha256="0")),
    ("report_status_consistent", "another text", logged(MissionFinalized, final_text="Done.")),
    ("report_status_consistent", "another file",
     member("mission_summary.json", "status", "PARTIAL")),
    ("readonly_status_present", "a status of patches", logged(MissionFinalized, status="VERIFIED")),
    ("readonly_status_present", "no reason", logged(MissionFinalized, status_reason="luck")),
    ("status_entitled", "lines that no longer stand",
     logged(EvidenceVerified, results=NOTHING_LOOKED_AT)),
    ("status_entitled", "a gate that judged otherwise", gate_without_a_condition),
    ("status_entitled", "a confidence that was not earned",
     logged(MissionFinalized, confidence="LOW")),
    ("every_tool_call_terminal", "a call without outcome", lambda r: without(r, ToolObserved)),
    ("every_tool_call_terminal", "an outcome without call", lambda r: without(r, ToolCallEmitted)),
    ("no_denied_content_in_evidence", "lines of a secret file", shown_elsewhere),
    ("budget_consistent", "more than the contract allows", limited(max_model_calls=1)),
    ("budget_consistent", "the report tells of less",
     member("report.json", "budget", {"tool_calls": {"used": 0, "limit": 20}})),
    ("usage_consistent", "a call that costs another price", logged(ModelReplied, cost_microusd=7)),
    ("usage_consistent", "the report tells another cost",
     member("report.json", "usage", {"cost_microusd": 1})),
    ("model_requests_rebuild", "another prompt", logged(ModelRequested, request_sha256="sha256:0")),
    ("redaction_clean", "a key in an output", logged(ToolObserved, text=f"1: {SECRET}\n")),
    ("redaction_clean", "a key in a file", edited("summary.md", "", SECRET)),
    ("commentary_matches_events", "two sentences swapped",
     lines_swapped("visible_commentary.jsonl")),
    ("commentary_matches_events", "a sentence of nobody",
     edited("visible_commentary.jsonl", "", '{"event_id": "evt_000099"}\n')),
    ("commentary_delivery_consistent", "a sentence delivered before it was said",
     lambda r: rechained(r, [*facts_of(r)[:2], first(r, CommentaryDelivered)])),
    ("commentary_delivery_consistent", "a state of nobody",
     logged(CommentaryDelivered, state="seen")),
    ("commentary_delivery_consistent", "more than there are",
     logged(CommentaryDelivered, emitted=99)),
    ("commentary_delivery_consistent", "the file tells another story",
     edited("commentary_delivery.json", "sse_emitted", "rendered_before_final")),
    ("observation_provenance", "a sentence that was never said",
     observed("evt_000001", "I'm loading something else.")),
    ("observation_provenance", "a sentence of an event that says nothing",
     observed("evt_000003", "")),
    ("evidence_refs_resolve", "a reference to what was never shown",
     edited("report.json", "#extract:1@L1-L5", "#extract:7@L1-L5")),
    ("evidence_spans_match_log", "an output that was edited", text_changed),
    ("evidence_spans_match_log", "a quotation that is none",
     edited("report.json", '"quote": "TIMEOUT = 30', '"quote": "TIMEOUT = 31')),
    ("evidence_spans_match_workspace", "lines that were never in their file", never_there),
    ("claims_supported", "a claim of nobody", edited("report.json", '"f1"', '"f9"')),
    ("claims_supported", "a claim that became stronger",
     edited("report.json", '"status": "supported"', '"status": "proven"')),
    ("readonly_files_match_ledger", "more lines than were shown",
     edited("ledger.json", '"lines_shown": 5', '"lines_shown": 9')),
    ("readonly_claim_graph_sufficiency_recorded", "a condition that turned",
     edited("claim_graph.json", '"no_contradiction": true', '"no_contradiction": false')),
    ("readonly_trace_labels_recorded", "a denial told as allowed",
     edited("trace.jsonl", '"blocked"', '"allowed"')),
    ("readonly_trace_labels_recorded", "a label of nobody",
     edited("trace.jsonl", '"decision": "allowed"', '"decision": "fine"')),
)  # fmt: skip

GRAPH = "answer_graph.json"
OPEN_DEFECTS: tuple[tuple[str, str, Defect], ...] = (
    ("answer_graph_json", "edited", edited(GRAPH)),
    ("coverage_graph_json", "emptied", member(GRAPH, "coverage", {})),
    ("evidence_agenda_json", "emptied", member(GRAPH, "agenda", [{}])),
    ("investigation_plan_json", "emptied", member(GRAPH, "plan", [{}])),
    ("trace_grading_json", "a denial is gone", edited(GRAPH, '"blocked": 1', '"blocked": 0')),
    ("open_answer_graph_obligations_recorded", "an answer that is none",
     edited(GRAPH, '"status": "answered"', '"status": "unanswered"')),
    ("open_answer_graph_sufficiency_recorded", "a condition that turned",
     edited(GRAPH, '"no_contradiction": true', '"no_contradiction": false')),
    ("open_answer_graph_missing_sources_recorded", "a source that nobody read",
     member(GRAPH, "source_states", [{"path": "src/main.py", "state": "read_satisfied"}])),
    ("open_coverage_graph_status_recorded", "a better status",
     edited(GRAPH, '"recommended_status": ', '"recommended_status": "VERIFIED", "was": ')),
    ("open_evidence_agenda_items_recorded", "an item of nobody", member(GRAPH, "agenda", [{}])),
    ("open_claim_graph_phase_history_recorded", "a phase that never was",
     member("claim_graph.json", "phase_history", ["PLAN", "REPORT"])),
    ("open_closure_source_recorded", "closed by nobody",
     member("report.json", "report_source", "deterministic_fast_path")),
)  # fmt: skip


def jsons(data: bytes) -> list[bytes]:
    lines = data.splitlines()
    return lines if lines[0].startswith(b"{") and len(lines[0]) > 1 else [data]


def deranged(value: Json, random: Random) -> None:
    """Put something odd in place of a member, here or deeper."""
    key = random.choice(sorted(value))
    below = value[key][0] if isinstance(value[key], list) and value[key] else value[key]  # type: ignore[index]
    if isinstance(below, dict) and below and random.random() < 0.7:
        deranged(below, random)
    else:
        value[key] = random.choice([each for each in ODD if each != value[key]])


class Honest(unittest.TestCase):
    def test_a_run_that_nobody_touched_passes_every_check_of_its_kind(self) -> None:
        outcomes = {outcome.name: outcome for outcome in audit(honest())}
        passed = [name for name, outcome in outcomes.items() if outcome.status == "PASS"]
        self.assertEqual(passed, [name for name in OF_A3 if name != "observation_provenance"])
        self.assertTrue(all(outcomes[name].message for name in OF_A3))
        self.assertEqual(outcomes["observation_provenance"].status, "SKIP")
        for name in outcomes.keys() - set(OF_A3):
            self.assertEqual(outcomes[name].status, "SKIP")
            self.assertRegex(outcomes[name].message, "A3|deterministic_lookup")

    def test_every_golden_run_passes_what_it_can_show(self) -> None:
        """Their admissions are made up, and their files stand in memory."""
        for case in cases():
            reader = parse_log((case.folder / "events.jsonl").read_bytes(), lambda *_: "")
            events = tuple(reader)
            files = {name: text.encode() for name, text in render(events).items()}
            log = LogState("ok", head_count=len(events), head_hash=events[-1].event_hash)
            folder = Folder(f"missions/{events[0].mission_id}", 0o700, files)
            red = failing(Subject(events[0].run_id, log, events, folder))
            self.assertEqual(red - {"admission_recorded"}, set(), case.name)

    def test_a_run_that_goes_on_or_was_refused_says_so(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ, GOOD))
            run = begin(shop)
            red = failing(shop.desk.auditor.subject(run.run_id))
            self.assertIn("log_sealed", red)
            self.assertIn("mission_dir", red)
            skipped = failing(shop.desk.auditor.subject(run.run_id), "SKIP")
            self.assertIn("status_entitled", skipped)
            with self.assertRaises(Refused):
                begin(shop, mission_id="nothing", allowed_roots=["nowhere"])
            refused = shop.desk.auditor.subject("nothing")
            self.assertEqual(failing(refused), set())
            self.assertIn("admission_recorded", failing(refused, "SKIP"))


class Planted(unittest.TestCase):
    def test_each_check_is_red_on_its_defect(self) -> None:
        for name, what, plant in DEFECTS:
            with self.subTest(name, what=what):
                run = replace(plant(honest()), secrets=lambda v: Redactor().redact_value(v)[1])
                self.assertEqual(outcome_of(BY_NAME[name], run).status, "FAIL")
        self.assertEqual([name for name in OF_A3 if name not in {d[0] for d in DEFECTS}], [])

    def test_each_check_of_an_open_investigation_is_red_on_its_defect(self) -> None:
        self.assertEqual(failing(open_run()) & set(OF_OPEN), set())
        for name, what, plant in OPEN_DEFECTS:
            with self.subTest(name, what=what):
                self.assertEqual(outcome_of(BY_NAME[name], plant(open_run())).status, "FAIL")
        self.assertEqual([name for name in OF_OPEN if name not in {d[0] for d in OPEN_DEFECTS}], [])

    def test_what_only_changed_since_is_a_warning(self) -> None:
        changed = stale("sha256:" + "0" * 64)(honest())
        self.assertEqual(failing(changed, "WARN"), {"evidence_spans_match_workspace"})
        self.assertEqual(failing(changed), set())
        tomorrow = rechained(honest(), [*facts_of(honest()), UnknownFact("Tomorrow", {"x": 1})])
        self.assertIn("record_consistent", failing(tomorrow, "WARN"))

    def test_whatever_stands_in_a_file_it_is_said_and_nothing_breaks(self) -> None:
        random = chance("damaged files")
        files = open_run().folder.files  # type: ignore[union-attr]
        for _ in range(300 if LONG else 10):
            name = random.choice([name for name in files if "json" in name])
            rows = [json.loads(line) for line in [*jsons(files[name])]]
            deranged(random.choice(rows), random)
            data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
            check = name.replace(".", "_").replace("delivery_json", "delivery_consistent")
            self.assertIn(check, failing(with_files(open_run(), {**files, name: data})), data)

    def test_a_patch_that_this_version_cannot_judge_does_not_pass(self) -> None:
        spec: Json = {"tier": "A4", "mode": "patch_proposal"}
        run = contract(**spec)(honest())
        if run.told.mission:
            self.assertIn("patch_hash_matches", failing(run))


if __name__ == "__main__":
    unittest.main()
