"""Whatever a model says: one end, nothing proven that is not there, files that are their log's."""

import hashlib
import json
import re
import unittest
from collections.abc import Mapping

from support import LONG, chance, scratch
from support.faults import QuickDisk
from support.hostile import Said, script
from support.missions import FILES, ScriptedModel, desk_of, order, workshop, write_tree

from codex_oss.chat import ChatRequest
from codex_oss.contract import MISSION, OBSERVATION, STATE, blocks
from codex_oss.deadline import Deadline
from codex_oss.missions import MissionDesk, Run
from codex_oss.record import (
    Event,
    HeadSealed,
    MissionFinalized,
    ModelFailed,
    ModelRequested,
    ReportDrafted,
    RunRecord,
    ToolDenied,
    ToolObserved,
    conditions,
    fold,
)
from codex_oss.runtime import prompt_for
from codex_oss.wiring import Workshop

SCRIPTS = 600 if LONG else 25
CONTRACTS: tuple[Mapping[str, object], ...] = (
    {},
    {},
    {"must_inspect": ["src/config.py"], "allowed_paths": ["src/config.py"]},
    {"must_inspect": ["src/gone.py"], "tool_budget": 0},
    {"allowed_paths": [".env", "src/main.py"], "allowed_roots": []},
    {"max_model_calls": 2, "tool_budget": 1},
    {"max_total_observation_bytes": 1_024, "tier": "A2", "mode": "guided_exploration"},
    {"max_output_tokens_total": 30, "max_files_to_inspect": 1},
    {"evidence_collection_mode": "model_led", "max_duplicate_actions": 0},
)


class AnyModel(unittest.TestCase):
    def test_every_script_ends_once_and_proves_nothing_that_is_not_there(self) -> None:
        random = chance("scripts")
        with scratch() as folder:
            shop = workshop(write_tree(folder), None)
            for number in range(SCRIPTS):
                said, changes = script(random), random.choice(CONTRACTS)
                try:
                    self._check(shop, said, changes)
                except Exception as error:
                    fewest = self._shortened(shop, said, changes)
                    error.add_note(f"script {number}, {changes}: {fewest!r}"[:4_000])
                    raise

    def _shortened(self, shop: Workshop, said: list[Said], changes: Mapping[str, object]) -> object:
        for length in range(1, len(said)):
            try:
                self._check(shop, said[:length], changes)
            except Exception:  # Shorter, and wrong too.
                return said[:length]
        return said

    def _check(self, shop: Workshop, said: list[Said], changes: Mapping[str, object]) -> None:
        model = ScriptedModel(*said)
        desk = desk_of(shop, model, disk=QuickDisk())
        try:
            wanted = order(shop, **changes)
            run = desk.begin(wanted, Deadline(shop.clock))
        except Exception as error:
            self.assertEqual(getattr(error, "code", error), "secret_path")
            return
        events = tuple(run.events())
        self._check_end(desk, run, events)
        self._check_requests(model, events)
        self._check_evidence(run)

    def _check_end(self, desk: MissionDesk, run: Run, events: tuple[Event, ...]) -> None:
        kinds = [type(event.fact) for event in events]
        self.assertEqual((kinds.count(MissionFinalized), kinds.count(HeadSealed)), (1, 1))
        failures = {e.fact.code for e in events if isinstance(e.fact, ModelFailed | ToolDenied)}
        self.assertFalse(failures & {"internal_error", "tool_failed", "prompt_changed"}, failures)
        stored = desk.archive.load(run.run_id)
        self.assertEqual((stored.events, stored.state), (events, "final"))
        self.assertEqual(stored.record, run._log.record)
        self.assertEqual((stored.record.inconsistent, stored.record.unknown_events), ((), ()))
        self.assertEqual(desk.archive.verify(run.run_id).verdict, "ok")
        self.assertEqual({state.state for state in desk.archive.check(run.run_id)}, {"same"})
        spent, limits = stored.record.budget, stored.record.contract.budget
        self.assertLessEqual(spent.tool_calls, limits.tool_budget)
        self.assertLessEqual(spent.model_calls, limits.max_model_calls)
        self.assertLessEqual(len(stored.record.evidence.files), limits.max_files_to_inspect + 1)

    def _check_requests(self, model: ScriptedModel, events: tuple[Event, ...]) -> None:
        """Each request can be sent, pairs its calls, and is what the log rebuilds."""
        asked = [e for e in events if isinstance(e.fact, ModelRequested)]
        self.assertEqual(len(asked), len(model.requests))
        for event, request in zip(asked, model.requests, strict=True):
            assert isinstance(event.fact, ModelRequested)
            rebuilt = prompt_for(fold(events[: event.seq]), event.fact.purpose)
            self.assertEqual(
                (rebuilt.request, rebuilt.digest), (request, event.fact.request_sha256)
            )
            self._check_request(request)

    def _check_request(self, request: ChatRequest) -> None:
        calls = [call.call_id for message in request.messages for call in message.calls]
        answers = [message.call_id for message in request.messages if message.role == "tool"]
        self.assertEqual((sorted(calls), len(set(calls))), (sorted(answers), len(calls)))
        for message in request.messages:
            message.text.encode()
            if message.role == "tool":
                json.loads(message.text)
            for tag in (MISSION, OBSERVATION, STATE) if message.role == "user" else ():
                self.assertEqual(len(blocks(tag, message.text)), message.text.count(f"<{tag}>"))

    def _check_evidence(self, run: Run) -> None:
        """What is called verified stands in the file, was shown, and has the digest it says."""
        record, result = run._log.record, run.result()
        report = result.report
        if result.status == "COMPLETE":
            self._check_earned(run)
        for finding in report["findings"]:
            for cited in finding["evidence"]:
                if result.status == "COMPLETE":
                    self.assertIn(cited["verification"], ("verified", "moved"))
                if "path" in cited and cited["verification"] == "verified":
                    self._check_span(record, cited)

    def _check_earned(self, run: Run) -> None:
        """Judge a COMPLETE by its events and the files alone, and by our own twelve conditions."""
        record, report = run._log.record, run.result().report
        self.assertEqual({k for k, holds in conditions(record).items() if not holds}, set())
        facts = [event.fact for event in run._log.events]
        draft = [fact.draft for fact in facts if isinstance(fact, ReportDrafted)][-1]
        self.assertEqual((draft["status"], report["contradictions"]), ("COMPLETE", []))
        self.assertNotIn("q1", [u["obligation_id"] for u in draft["uncertainties"]])
        shown = {e.path for f in facts if isinstance(f, ToolObserved) for e in f.extracts}
        self.assertLessEqual(set(record.contract.must_inspect), shown)
        self.assertTrue(report["findings"])
        for finding in report["findings"]:
            text = "\n".join(
                f"{each['path']}:{each['start_line']}\n{each['quote']}"
                if "path" in each
                else self._found_by(record, each["ref"])
                for each in finding["evidence"]
            )
            words = re.findall("`([^`]+)`", finding["claim"])
            self.assertEqual([word for word in words if word not in text], [])

    def _found_by(self, record: RunRecord, ref: str) -> str:
        """The lines that a search found, `command:N`, as they stand in the files."""
        command = record.evidence.commands[int(re.findall(r"\d+", ref)[0])]
        return "\n".join(FILES[m.path].splitlines()[m.line - 1] for m in command.matches)

    def _check_span(self, record: RunRecord, cited: Mapping[str, object]) -> None:
        path, first, last = cited["path"], cited["start_line"], cited["end_line"]
        assert isinstance(first, int) and isinstance(last, int)
        lines = FILES[str(path)].encode().splitlines(keepends=True)[first - 1 : last]
        self.assertEqual(len(lines), last - first + 1)
        self.assertEqual(hashlib.sha256(b"".join(lines)).hexdigest(), cited["sha256"])
        shown = {
            line
            for command in record.evidence.commands
            for extract in command.extracts
            if extract.path == path
            for line in range(extract.start_line, extract.end_line + 1)
        } | {m.line for c in record.evidence.commands for m in c.matches if m.path == path}
        self.assertLessEqual(set(range(first, last + 1)), shown)


if __name__ == "__main__":
    unittest.main()
