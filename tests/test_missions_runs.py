"""Whole missions with a scripted model: what a run makes of good, bad and hostile replies."""

import hashlib
import json
import subprocess
import threading
import time
import unittest
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from support import scratch
from support.missions import (
    ScriptedModel,
    begin,
    calls,
    report,
    run_mission,
    says,
    workshop,
    write_tree,
)

from codex_oss.chat import CallDelta, ChatChunk, ChatRequest
from codex_oss.deadline import Deadline
from codex_oss.errors import Refused, UpstreamAuth, UpstreamTruncated
from codex_oss.missions import MissionResult
from codex_oss.record import ActionRejected, Event, ModelFailed, ToolDenied, ToolObserved

READ = calls(("rtk_read", {"path": "src/config.py"}))
CLAIM = "`load` is defined in src/config.py at line 4"
REF = "file:src/config.py#extract:1@L4-L5"
GOOD = report((CLAIM, [REF]))
PATCHES = {"tier": "A4", "mode": "patch_proposal", "owned_paths": ["src/config.py"]}


def fact_types(events: tuple[Event, ...]) -> list[str]:
    return [event.event_type for event in events]


class EndsAsItEarned(unittest.TestCase):
    def run_with(self, *replies: object, **changes: object) -> tuple[MissionResult, ScriptedModel]:
        with scratch() as folder:
            model = ScriptedModel(*replies)  # type: ignore[arg-type]
            self.result, self.events = run_mission(write_tree(folder), model, **changes)
            self.artifacts = {p.name: p.read_text() for p in folder.rglob("missions/*/*")}
            self.tree = {p.name: p.read_bytes() for p in (folder / "src").iterdir()}
            self.assertEqual(fact_types(self.events).count("MissionFinalized"), 1)
            return self.result, model

    def test_a_cited_answer_is_complete_and_its_digest_is_the_files(self) -> None:
        result, _ = self.run_with(READ, GOOD)
        self.assertEqual((result.status, result.status_reason), ("COMPLETE", "valid_report"))
        evidence = result.report["findings"][0]["evidence"][0]  # type: ignore[index]
        lines = self.tree["config.py"].splitlines(keepends=True)[3:5]
        self.assertEqual(evidence["sha256"], hashlib.sha256(b"".join(lines)).hexdigest())
        self.assertEqual(json.loads(self.artifacts["report.json"]), result.report)

    def test_a_reference_never_shown_is_forged_and_escalates(self) -> None:
        for ref in (
            "file:src/main.py#extract:1",
            "file:src/config.py#extract:1@L4-L9",
            "command:7",
        ):
            with self.subTest(ref):
                result, _ = self.run_with(READ, report((CLAIM, [ref])))
                self.assertEqual(result.status, "ESCALATE")
                self.assertNotIn("verified", json.dumps(result.report["findings"]))

    def test_a_forged_reference_stays_an_attempt_whatever_is_reported_after_it(self) -> None:
        ref = "command:7"
        result, model = self.run_with(READ, report((CLAIM, [ref])), GOOD)
        ended = (result.status, result.status_reason, len(model.requests))
        self.assertEqual(ended, ("ESCALATE", "report_validation_failed:forged_reference", 3))
        told = result.report
        self.assertEqual(told["denials"], [{"code": "forged_reference", "count": 1, "paths": []}])
        self.assertEqual(told["confidence"], "LOW")
        self.assertIn(f"were never shown ({ref})", str(told["caveats"]))
        self.assertEqual([f["claim"] for f in told["findings"]], [CLAIM])  # type: ignore[attr-defined]

    def test_a_claim_whose_words_are_not_in_the_lines_is_weak(self) -> None:
        result, _ = self.run_with(READ, report(("`load_all` is defined here", [REF])))
        (finding,) = result.report["findings"]  # type: ignore[misc]
        self.assertEqual((result.status, finding["status"]), ("PARTIAL", "weak"))
        self.assertEqual(finding["missing_tokens"], ["load_all"])

    def test_a_hollow_complete_gets_one_round_and_then_goes_down(self) -> None:
        hollow = report(status="COMPLETE")
        result, model = self.run_with(READ, hollow)
        self.assertEqual(result.status, "FAILED")
        self.assertEqual(len(model.requests), 3)
        result, _ = self.run_with(READ, hollow, GOOD)
        self.assertEqual(result.status, "COMPLETE")

    def test_an_uncertainty_about_a_required_question_is_not_complete(self) -> None:
        open_question = {"uncertainties": [{"text": "not sure", "obligation_id": "q1"}]}
        result, _ = self.run_with(READ, report((CLAIM, [REF]), **open_question))
        self.assertEqual(result.status, "PARTIAL")
        self.assertIn("complete_with_open_uncertainty", result.report["downgrade_reasons"])  # type: ignore[arg-type, operator]

    def test_complete_beside_the_models_own_doubts_is_not(self) -> None:
        for doubt in (
            {"uncertainties": ["which of two files is loaded"]},
            {"escalation_recommendation": {"needed": True, "reason": "the owner must say"}},
        ):
            with self.subTest(doubt):
                result, model = self.run_with(READ, report((CLAIM, [REF]), **doubt))
                self.assertEqual((result.status, len(model.requests)), ("PARTIAL", 3))
                reason = "objective_coverage_failed:complete_with_open_uncertainty"
                self.assertEqual(result.status_reason, reason)
        result, _ = self.run_with(READ, report((CLAIM, [REF]), uncertainties=["?"]), GOOD)
        self.assertEqual(result.status, "COMPLETE")

    def test_two_values_for_one_question_contradict(self) -> None:
        rows = [
            {"claim": CLAIM, "evidence_refs": [REF], "obligation_id": "q1", "value": value}
            for value in ("def load", "return {}")
        ]
        body = {"status": "COMPLETE", "confidence": "LOW", "answer": "?", "findings": rows}
        result, _ = self.run_with(READ, calls(("final_report", {"report": body})))
        self.assertEqual((result.status, len(result.report["contradictions"])), ("ESCALATE", 1))  # type: ignore[arg-type]
        self.assertEqual(fact_types(self.events).count("ContradictionRecorded"), 1)

    def test_deeds_that_no_tool_can_do_make_a_finding_weak(self) -> None:
        result, _ = self.run_with(READ, report((f"I ran the tests: {CLAIM}", [REF])))
        self.assertEqual(result.status, "PARTIAL")
        self.assertIn("unbacked_action_claim", json.dumps(result.report["caveats"]))

    def test_partial_stays_partial_and_a_person_can_be_asked_for(self) -> None:
        result, _ = self.run_with(READ, report((CLAIM, [REF]), status="PARTIAL"))
        self.assertEqual(result.status, "PARTIAL")
        result, _ = self.run_with(READ, calls(("stop", {"reason": "lost", "needs_human": True})))
        self.assertEqual((result.status, result.status_reason), ("ESCALATE", "stopped_by_model"))

    def test_recorded_claims_are_reported_when_the_model_cannot_end(self) -> None:
        claim = calls(
            ("record_claim", {"claim": CLAIM, "evidence_refs": [REF], "obligation_id": "q1"})
        )
        result, _ = self.run_with(READ, claim, says("Thank you."))
        self.assertEqual((result.status, result.status_reason), ("PARTIAL", "action_parse_failed"))
        self.assertEqual(result.report["report_source"], "runtime_answer_graph")
        self.assertIn(CLAIM, result.message)

    def test_a_required_source_is_read_first_and_costs_no_tool(self) -> None:
        result, model = self.run_with(
            report((CLAIM, [REF])), must_inspect=["src/config.py"], allowed_paths=["src/config.py"]
        )
        self.assertEqual(result.status, "COMPLETE")
        self.assertEqual(result.report["budget"]["tool_calls"]["used"], 0)  # type: ignore[index, call-overload]
        self.assertIn("<oss_observation>", model.requests[0].messages[2].text)

    def test_the_runtime_looks_until_a_source_is_seen_as_far_as_it_must_be(self) -> None:
        source = {
            "path": "src/config.py",
            "completeness_policy": "whole_file_required",
            "required_shapes": ["function_definition"],
            "shape_patterns": {"limit": "TIMEOUT = [0-9]+"},
        }
        nowhere = {"path": "src", "evidence_kind": "negative_proof", "pattern": "eval\\("}
        asked = [{"id": "q1", "question": "?", "source_requirements": [source, nowhere]}]
        result, model = self.run_with(report((CLAIM, [REF])), answer_obligations=asked)
        self.assertEqual((result.status, len(model.requests)), ("COMPLETE", 1))
        commands = result.report["commands_run"]
        self.assertEqual([c["tool"] for c in commands], ["rtk_read", "rtk_grep", "rtk_grep"])  # type: ignore[attr-defined, index]
        self.assertEqual(result.report["budget"]["tool_calls"]["used"], 0)  # type: ignore[index, call-overload]
        source["required_shapes"] = ["class_definition"]
        result, _ = self.run_with(report((CLAIM, [REF])), answer_obligations=asked)
        self.assertEqual(result.status, "PARTIAL")
        missing = result.report["obligations"][0]["missing_evidence"]  # type: ignore[index]
        self.assertEqual(missing, ["insufficient_shape:src/config.py"])

    def test_a_blocked_required_source_escalates(self) -> None:
        result, _ = self.run_with(
            report(status="PARTIAL"), must_inspect=["src/gone.py"], allowed_paths=["src/gone.py"]
        )
        self.assertNotEqual(result.status, "COMPLETE")


class BadModels(unittest.TestCase):
    run_with = EndsAsItEarned.run_with

    def test_prose_is_answered_with_an_example_and_ends_the_run(self) -> None:
        result, model = self.run_with(says("I think it is in src/config.py."))
        self.assertEqual((result.status, result.status_reason), ("FAILED", "action_parse_failed"))
        self.assertEqual(len(model.requests), 3)
        self.assertIn("prose_report", model.requests[1].messages[-1].text)

    def test_nonsense_calls_are_refused_one_by_one(self) -> None:
        nonsense = calls(("rtk_read", {"path": 7, "colour": "red"}), ("fly", {}))
        result, model = self.run_with(nonsense, READ, GOOD)
        self.assertEqual(result.status, "COMPLETE")
        answered = [m for m in model.requests[1].messages if m.role == "tool"]
        self.assertEqual([json.loads(m.text)["error"] for m in answered][1], "unknown_tool")

    def test_a_write_is_no_tool_and_the_third_one_escalates(self) -> None:
        write = calls(("apply_patch", {"input": "*** Begin Patch"}))
        result, model = self.run_with(write)
        self.assertEqual((result.status, result.status_reason), ("ESCALATE", "write_attempts"))
        self.assertEqual(len(model.requests), 3)

    def test_a_loop_is_told_so_and_ends(self) -> None:
        result, model = self.run_with(READ)
        self.assertEqual(result.status, "FAILED")
        self.assertIn("duplicates", result.report["budget"]["exhausted"])  # type: ignore[operator, index, call-overload]
        self.assertEqual(len(model.requests), 8)  # One reading, 4 repeats, 3 after the end.
        self.assertIn("Too many: duplicates", model.requests[4].messages[-1].text)

    def test_a_flood_is_cut_off(self) -> None:
        flood = [ChatChunk(text="x" * 60_000) for _ in range(40)]
        result, model = self.run_with(flood)
        self.assertEqual(result.status_reason, "model_call_failed:reply_too_large")
        self.assertEqual(len(model.requests), 1)

    def test_a_cut_stream_is_asked_again_and_counted(self) -> None:
        cut = UpstreamTruncated("the stream ended without a finish word")
        result, model = self.run_with(cut, cut, READ, GOOD)
        self.assertEqual(result.status, "COMPLETE")
        failed = [e.fact for e in self.events if isinstance(e.fact, ModelFailed)]
        self.assertEqual([f.attempt for f in failed], [1, 2])
        self.assertEqual(result.report["usage"]["calls"], 4)  # type: ignore[index, call-overload]

    def test_a_refused_key_is_not_asked_again(self) -> None:
        result, model = self.run_with(UpstreamAuth("set OPENCODE_GO_API_KEY"))
        self.assertEqual(result.status_reason, "model_call_failed:upstream_auth")
        self.assertEqual((result.status, len(model.requests)), ("FAILED", 1))

    def test_an_adapter_that_breaks_is_a_failed_call_not_a_traceback(self) -> None:
        result, _ = self.run_with(ZeroDivisionError("secret detail"))
        self.assertEqual(result.status_reason, "model_call_failed:internal_error")
        self.assertNotIn("secret detail", json.dumps(self.artifacts))

    def test_many_calls_at_once_run_four_and_answer_all(self) -> None:
        many = calls(*(("rtk_ls", {"path": "src", "depth": d % 3 + 1}) for d in range(9)))
        _, model = self.run_with(many, READ, GOOD)
        asked = model.requests[1].messages
        said = next(m for m in asked if m.calls)
        answers = [json.loads(m.text) for m in asked if m.role == "tool"]
        self.assertEqual((len(said.calls), len(answers)), (9, 9))
        self.assertEqual([a.get("error") for a in answers].count("not_run"), 5)

    def test_every_request_pairs_its_calls(self) -> None:
        _, model = self.run_with(calls(("fly", {}), ("rtk_ls", {})), READ, says("?"), GOOD)
        for request in model.requests:
            self.assertEqual(unpaired(request), set())

    def test_budgets_end_exploration_and_the_report_still_comes(self) -> None:
        greps = [calls(("rtk_grep", {"pattern": f"load{n}|main"})) for n in range(9)]
        result, model = self.run_with(*greps[:2], READ, GOOD, tool_budget=3)
        self.assertEqual(result.status, "COMPLETE")
        self.assertIn('"phase":"REPORT"', model.requests[-1].messages[-1].text)
        names = {tool.name for tool in model.requests[-1].tools}
        self.assertEqual(names, {"final_report", "stop"})

    def test_a_tool_call_after_the_budget_is_answered_phase_closed(self) -> None:
        self.run_with(READ, calls(("rtk_ls", {"path": "src"})), tool_budget=1)
        rejected = [e.fact.code for e in self.events if isinstance(e.fact, ActionRejected)]
        self.assertEqual(rejected, ["phase_closed"] * 3)


def unpaired(request: ChatRequest) -> set[str]:
    asked = {call.call_id for message in request.messages for call in message.calls}
    answered = {m.call_id for m in request.messages if m.role == "tool"}
    return asked ^ answered


class ScopeAndSecrets(unittest.TestCase):
    def test_what_is_out_of_scope_never_reaches_the_model(self) -> None:
        with scratch() as folder:
            write_tree(folder)
            (folder / "src/link.txt").symlink_to(folder / ".env")
            (folder / "src/out.txt").symlink_to("/etc/passwd")
            paths = (
                ".env",
                "secrets/key.txt",
                "../..",
                "/etc/passwd",
                "src/link.txt",
                "src/out.txt",
            )
            reads = [calls(("rtk_read", {"path": path})) for path in paths]
            greps = [calls(("rtk_grep", {"pattern": p})) for p in ("do.not", "root:", "TOKEN")]
            model = ScriptedModel(*reads, *greps, says("."))
            _, events = run_mission(folder, model, max_low_information_actions=50)
            denied = [e.fact for e in events if isinstance(e.fact, ToolDenied)]
            self.assertEqual(len(denied), len(paths))
            sent = json.dumps([[m.text for m in r.messages] for r in model.requests])
            for secret in ("do not read me", "do-not-read-me-either", "root:x:"):
                self.assertNotIn(secret, sent)

    def test_settings_and_contract_say_what_is_critical_and_which_classes_are_open(self) -> None:
        names = ("src/pay/a.py", "src/billing.py", "src/app.log", "src/x.sqlite", "src/auth/b.py")
        reason = "the payment code is what is asked about"
        opened = {"critical_path_read_allowed": True, "critical_path_read_reason": reason}
        cases = (
            ({}, {"critical_path": 2, "logs_path": 1, "state_db_path": 1}),
            (
                {"data_exposure": {"allow_classes": ["logs"]}},
                {"critical_path": 2, "state_db_path": 1},
            ),
            (opened, {"logs_path": 1, "state_db_path": 1}),
        )
        with scratch() as folder:
            write_tree(folder, dict.fromkeys(names, "x = 1\n"))
            settings = {"PROJECT_CRITICAL_ROOTS": "src/pay/", "PROJECT_CRITICAL_TERMS": "billing"}
            reads = calls(*(("rtk_read", {"path": name}) for name in names[:4]))
            last = calls(("rtk_read", {"path": names[4]}))
            for changes, codes in cases:
                with self.subTest(codes):
                    shop = workshop(folder, ScriptedModel(reads, last, says(".")), **settings)
                    facts = [event.fact for event in begin(shop, **changes).events()]
                    denied = [fact.code for fact in facts if isinstance(fact, ToolDenied)]
                    seen = [fact for fact in facts if isinstance(fact, ToolObserved)]
                    flags = {flag for fact in seen for flag in fact.risk_flags}
                    self.assertEqual(Counter(denied), codes)
                    self.assertEqual(flags, {"critical_term:billing"})

    def test_a_result_says_what_was_searched_how_long_a_file_is_and_what_was_denied(self) -> None:
        with scratch() as folder:
            looks = (
                ("rtk_grep", {"pattern": "nowhere"}),
                ("rtk_read", {"path": "src/main.py", "start_line": 99}),
                ("rtk_read", {"path": ".env"}),
            )
            model = ScriptedModel(calls(*looks), says("."))
            run_mission(write_tree(folder), model)
            answers = [m.text for m in model.requests[1].messages if m.role == "tool"]
            searched, read, denied = map(json.loads, answers)
            self.assertEqual((searched["exit_code"], searched["files_searched"]), (1, 2))
            self.assertEqual((read["exit_code"], read["total_lines"]), (1, 5))
            self.assertEqual((denied["exit_code"], denied["denied"]), (3, "secret_path"))

    def test_what_speaks_of_a_forbidden_topic_is_neither_searched_for_nor_told(self) -> None:
        with scratch() as folder:
            look = calls(
                ("rtk_grep", {"pattern": "TIMEOUT|x"}), ("rtk_read", {"path": "src/config.py"})
            )
            about = ("the timeout is `30`", ["file:src/config.py#extract:1@L1"])
            fine = ("`load` is defined here", [REF])
            said = report(fine, about, answer="`load` is in config.py; the Timeout is 30.")
            topics = ["timeout"]
            result, events = run_mission(
                write_tree(folder), ScriptedModel(look, said), forbidden_topics=topics
            )
            denied = [e.fact.code for e in events if isinstance(e.fact, ToolDenied)]
            self.assertEqual(denied, ["forbidden_topic"])
            self.assertEqual(result.status, "PARTIAL")
            self.assertEqual([f["claim"] for f in result.report["findings"]], [fine[0]])
            self.assertEqual(result.report["answer"], fine[0])
            self.assertIn("what the contract forbids (timeout)", str(result.report["caveats"]))
            self.assertNotIn("imeout is", result.message)

    def test_a_secret_in_the_contract_is_taken_out_of_it(self) -> None:
        key = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
        with scratch() as folder:
            model = ScriptedModel(READ, GOOD)
            run_mission(write_tree(folder), model, objective=f"Where is `load`, with {key}?")
            everything = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
            self.assertNotIn(key.encode(), everything)
            self.assertNotIn(key, model.requests[0].messages[1].text)


class Refusals(unittest.TestCase):
    def refused(self, folder: Path, **changes: object) -> Refused:
        shop = workshop(folder, ScriptedModel(GOOD))
        with self.assertRaises(Refused) as caught:
            begin(shop, **changes)
        (run,) = [shop.desk.archive.load(h.run_id) for h in shop.desk.archive.heads()]
        self.assertEqual((run.state, fact_types(run.events)[-1]), ("refused", "HeadSealed"))
        self.assertTrue(shop.desk.archive.verify(run.run_id).is_good)
        return caught.exception

    def test_each_check_refuses_with_its_code(self) -> None:
        cases: Mapping[str, dict[str, object]] = {
            "scope_empty": {"allowed_roots": ["nowhere"]},
            "secret_path": {"allowed_paths": [".env"]},
            "not_enforced_yet": PATCHES,
        }
        for code, changes in cases.items():
            with self.subTest(code), scratch() as folder:
                self.assertEqual(self.refused(write_tree(folder), **changes).code, code)

    def test_all_reasons_are_told_at_once(self) -> None:
        with scratch() as folder:
            write_tree(folder)
            error = self.refused(folder, allowed_roots=["nowhere"], **PATCHES)
            reasons = {fault.code.split(":")[0] for fault in error.faults}
            expected = {"scope_empty", "not_enforced_yet", "tier_alias_mismatch"}
            self.assertEqual(reasons, expected)
            self.assertGreaterEqual(len(error.faults), 3)


class Runs(unittest.TestCase):
    def test_the_same_contract_again_is_a_new_run_and_another_one_a_new_name(self) -> None:
        with scratch() as folder:
            write_tree(folder)
            first, _ = run_mission(folder, ScriptedModel(READ, GOOD))
            again, _ = run_mission(folder, ScriptedModel(READ, GOOD))
            other, _ = run_mission(folder, ScriptedModel(READ, GOOD), objective="Who calls `load`?")
            names = [first.mission_id, again.mission_id, other.mission_id]
            self.assertEqual(names, ["find_load", "find_load", "find_load-2"])
            self.assertIn("this one runs as find_load-2", json.dumps(other.report["caveats"]))
            told = (folder / ".codex-oss/missions/find_load-2/visible_commentary.jsonl").read_text()
            self.assertIn("The id find_load is another contract's", told.splitlines()[0])
            self.assertNotEqual(first.run_id, again.run_id)

    def test_who_stops_pulling_ends_the_run_with_a_verdict(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ))
            events = begin(shop).events()
            while not isinstance(next(events).fact, ToolObserved):
                continue
            events.close()
            (row,) = shop.desk.archive.list()
            self.assertEqual((row["state"], row["status"]), ("final", "FAILED"))
            run = shop.desk.archive.load(str(row["run_id"]))
            ended = run.record.loop.finalized
            self.assertEqual(ended and ended.status_reason, "client_disconnected")
            self.assertEqual({s.state for s in shop.desk.archive.check(run.run_id)}, {"same"})

    def test_a_cancelled_deadline_ends_the_run_with_what_is_proven(self) -> None:
        with scratch() as folder:
            shop = workshop(write_tree(folder), ScriptedModel(READ))
            deadline = Deadline(shop.clock)
            run = begin(shop, deadline)
            for event in run.events():
                if isinstance(event.fact, ToolObserved):
                    deadline.cancel("interrupted")
            self.assertEqual(run.result().status_reason, "cancelled")

    def test_a_model_that_hangs_is_given_up_in_time(self) -> None:
        answer = threading.Event()

        def hanging(_request: ChatRequest) -> list[ChatChunk]:
            answer.wait(30)
            return GOOD

        with scratch() as folder:
            shop = workshop(
                write_tree(folder), ScriptedModel(hanging), SSE_VISIBLE_PROGRESS_SECONDS="2"
            )
            started = time.monotonic()
            run = begin(shop, time_budget_seconds=5)
            events = run.events()
            self.assertEqual(next(events).event_type, "MissionAdmitted")
            self.assertLess(time.monotonic() - started, 0.3)
            types = fact_types(tuple(events))
            self.assertLess(time.monotonic() - started, 10)
            answer.set()
            self.assertEqual(run.result().status_reason, "deadline_reached")
            self.assertIn("RuntimeProgressEmitted", types)

    def test_pieces_of_calls_may_come_in_any_shape(self) -> None:
        whole = ChatChunk(
            calls=(CallDelta(0, "x", "rtk_read", '{"path": "src/config.py"}'),), finish="tool_calls"
        )
        with scratch() as folder:
            result, _ = run_mission(write_tree(folder), ScriptedModel([whole], GOOD))
            self.assertEqual(result.status, "COMPLETE")
            self.assertEqual(result.report["usage"]["sources"]["estimated"], 1)  # type: ignore[index, call-overload]

    def test_every_cited_span_hashes_as_sed_says(self) -> None:
        with scratch() as folder:
            result, _ = run_mission(write_tree(folder), ScriptedModel(READ, GOOD))
            (finding,) = result.report["findings"]  # type: ignore[misc]
            (cited,) = finding["evidence"]
            script = f"{cited['start_line']},{cited['end_line']}p"
            lines = subprocess.run(
                ["sed", "-n", script, folder / cited["path"]], capture_output=True, check=True
            ).stdout
            self.assertEqual(hashlib.sha256(lines).hexdigest(), cited["sha256"])


if __name__ == "__main__":
    unittest.main()
