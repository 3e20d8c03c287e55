"""What a file says that a desktop has shown is kept, matched, and worth nothing as proof."""

import json
import unittest

from support import scratch
from support.missions import ScriptedModel, begin, calls, report, workshop, write_tree

from codex_oss.audit import audit
from codex_oss.errors import Refused
from codex_oss.missions import TraceStyle, gate_of, telling
from codex_oss.record import (
    DesktopMessageObserved,
    Event,
    HeadSealed,
    Json,
    desktop_gold,
    observed_in,
)

READ = calls(("rtk_read", {"path": "src/config.py", "reason": "to see it"}))
GOOD = report(
    ("`load` is defined with TIMEOUT = 30 above it", ["file:src/config.py#extract:1@L1-L5"])
)


class Import(unittest.TestCase):
    def setUp(self) -> None:
        self.shop = workshop(write_tree(self.enterContext(scratch())), ScriptedModel(READ, GOOD))
        self.run = begin(self.shop)
        self.told = [sentence for sentence, _ in telling(self.run, TraceStyle())]

    def transcript(self, **changes: object) -> Json:
        """Return the best transcript there could be: every sentence, in order, then the end."""
        rows: list[Json] = [
            {"id": f"m{n}", "text": s.message, "oss_visible_event": {"event_id": s.event_id}}
            for n, s in enumerate(self.told)
        ]
        rows.append({"id": "end", "text": "Done.", "final": True})
        base: Json = {
            "transcript_kind": "raw_desktop_export",
            "consumer_kind": "codex_desktop_spawned",
            "capture_method": "app_server_client",
            "authority": "desktop_observed",
            "mission_id": self.run.mission_id,
            "messages": rows,
        }
        return base | changes

    def take_in(self, transcript: Json) -> tuple[Event, ...]:
        data = json.dumps(transcript).encode()
        return self.shop.desk.observer.take_in(self.run.run_id, transcript, data)

    def test_a_file_that_calls_itself_raw_is_diagnostic_and_counts_for_no_claim(self) -> None:
        folder = self.shop.layout.mission(self.run.mission_id)
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        news = self.take_in(self.transcript())
        seen = [e.fact for e in news if isinstance(e.fact, DesktopMessageObserved)]
        self.assertEqual(sum(bool(fact.matched_event_id) for fact in seen), len(self.told))
        gate = gate_of(news)
        self.assertEqual((gate.target, gate.status), ("desktop-gold", "UNCONFIRMED"))
        self.assertEqual(
            gate.disallowed_claims,
            ("desktop_progress_before_final_missing", "desktop_transcript_not_trusted_for_gold"),
        )
        log = self.shop.layout.events(self.run.run_id).read_text().splitlines()
        lines = [json.loads(line) for line in log if '"event_type":"Desktop' in line]
        said = {(line["source_kind"], line["authority"]) for line in lines}
        self.assertEqual(said, {("cli_import", "diagnostic_only")})
        run = self.shop.desk.archive.load(self.run.run_id)
        delivery = run.record.delivery
        self.assertEqual((delivery.captures, delivery.messages_matched), (0, 0))
        self.assertEqual(delivery.messages_observed, len(self.told) + 1)
        seals = [e.fact for e in run.events if isinstance(e.fact, HeadSealed)]
        self.assertEqual([seal.reason for seal in seals], ["final", "observation"])
        changed = {p.name for p in folder.iterdir() if p.read_bytes() != before[p.name]}
        self.assertEqual(changed, {"run_record.json", "mission_summary.json"})
        red = [o.name for o in audit(self.shop.desk.auditor.subject(run.run_id)) if not o.ok]
        self.assertEqual(red, [])
        self.assertTrue(self.shop.desk.archive.verify(run.run_id).is_good)

    def test_a_capture_of_our_own_is_observed_where_the_text_is_the_same(self) -> None:
        events = self.shop.desk.archive.load(self.run.run_id).events
        facts = tuple(observed_in(self.transcript(), "sha256:0", events, "app_server_client"))
        told = [fact for fact in facts if isinstance(fact, DesktopMessageObserved)]
        self.assertEqual(
            [bool(f.matched_event_id) for f in told], [True] * len(self.told) + [False]
        )
        self.assertTrue(all(fact.pre_final for fact in told[:-1]))

    def test_every_reason_has_its_name(self) -> None:
        rows = self.transcript()["messages"]
        assert isinstance(rows, list)
        other = [{**rows[0], "text": "I'm doing something else."}]
        for changes, reason in (
            ({"consumer_kind": "exec"}, "consumer_kind_not_codex_desktop_spawned"),
            ({"transcript_kind": "sse"}, "transcript_is_not_raw_desktop_export"),
            ({"transcript_kind": ""}, "raw_desktop_transcript_kind_missing"),
            ({"mission_id": "other"}, "desktop_transcript_mission_id_mismatch"),
            ({"messages": []}, "desktop_final_missing"),
            ({"messages": []}, "desktop_progress_event_identity_missing"),
            ({"messages": other}, "desktop_progress_event_reconciliation_missing"),
            ({"messages": [rows[1], rows[0]]}, "desktop_progress_event_reconciliation_missing"),
            ({"messages": [rows[-1], *rows]}, "desktop_progress_event_reconciliation_missing"),
            ({}, "desktop_transcript_not_trusted_for_gold"),
        ):
            with self.subTest(reason):
                gate = gate_of(self.take_in(self.transcript(**changes)))
                self.assertIn(reason, gate.disallowed_claims)
        self.assertEqual(desktop_gold({}, "m", ()).status, "UNCONFIRMED")

    def test_a_run_that_goes_on_takes_nothing_in(self) -> None:
        running = begin(self.shop, mission_id="second")
        with self.assertRaises(Refused) as caught:
            self.shop.desk.observer.take_in(running.run_id, self.transcript(), b"{}")
        self.assertEqual(caught.exception.code, "not_final")


if __name__ == "__main__":
    unittest.main()
