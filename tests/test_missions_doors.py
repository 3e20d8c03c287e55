"""One mission through two doors is one report; a profile of one's own has its aliases."""

import json
import shutil
import unittest
from hashlib import sha256
from pathlib import Path

from support import ROOT, scratch
from support.bridges import bridge
from support.missions import contract, write_tree
from support.providers import ScriptedProvider, calls

from codex_oss.contract import parse_mission, render_handoff, template
from codex_oss.deadline import Deadline
from codex_oss.missions import Order

EXAMPLE = "examples/mission-a3.json"
OWN = (
    *("run_id", "mission_id", "log_head", "artifacts", "runtime_model_alias", "budget"),
    "commentary_delivery_summary",  # How far each sentence got is the door's.
)
FINDING = {
    "claim": "`load` is defined in src/config.py at line 4",
    "evidence_refs": ["file:src/config.py#extract:1@L4-L5"],
    "obligation_id": "q1",
}
DRAFT = {"status": "COMPLETE", "confidence": "HIGH", "answer": "Here.", "findings": [FINDING]}
READ = calls(("rtk_read", {"path": "src/config.py"}))
GOOD = calls(("final_report", {"report": DRAFT}))


def body(text: str) -> str:
    """Return a final message up to its footer."""
    return text[: text.index("\n\nDelivery status:")]


class Doors(unittest.TestCase):
    def test_the_example_of_the_readme_is_one_report_through_each_door(self) -> None:
        said = json.loads((ROOT / EXAMPLE).read_text("utf-8"))
        with scratch() as folder:
            shutil.copytree(ROOT / "examples/shop", folder / "examples/shop")
            with bridge(folder) as running:
                asked = {"model": "mission-a3-rehearsal", "input": render_handoff(said)}
                answer = running.client.turn({**asked, "stream": False})
                workshop = running.workshop
                mission = parse_mission(said).mission
                assert mission
                profile = workshop.registry.resolve("rehearsal")
                run = workshop.desk.begin(
                    Order(mission, profile, "rehearsal", 0, "cli"), Deadline(workshop.clock)
                )
                tuple(run.events())
                by_command, archive = run.result(), workshop.desk.archive
                runs = [archive.load(head.run_id) for head in archive.heads()]
            messages = [answer.json["output"][-1]["content"][0]["text"], by_command.message]
            self.assertEqual(body(messages[0]), body(messages[1]))
            self.assertIn("**Outcome**: COMPLETE", messages[0])
            kinds = [[e.event_type for e in run.events if _is_of_all(e.event_type)] for run in runs]
            self.assertEqual(kinds[0], kinds[1])
            for finding in by_command.report["findings"]:  # type: ignore[attr-defined]
                for cited in finding["evidence"]:
                    self.assertEqual(cited["sha256"], digest(folder, cited))

    def test_the_reports_for_programs_are_equal_but_for_ids_times_and_names(self) -> None:
        with scratch() as folder, ScriptedProvider() as provider:
            write_tree(folder)
            with bridge(folder, provider) as running:
                provider.then(READ, GOOD)
                handed = {"model": "mission-a3-scripted", "input": render_handoff(contract())}
                running.client.turn({**handed, "stream": False})
                file = folder / ".codex-oss/missions/find_load/report.json"
                native = json.loads(file.read_text())
                provider.then(READ, GOOD)
                shop = running.workshop
                mission = parse_mission(contract()).mission
                assert mission
                wanted = Order(mission, shop.registry.resolve("scripted"), "scripted", 0, "cli")
                run = shop.desk.begin(wanted, Deadline(shop.clock))
                tuple(run.events())
                other = run.result().report
        for own in OWN:
            native.pop(own), other.pop(own)
        for told in (native, other):
            told["usage_displacement"] = told["usage_displacement"]["baseline"]
            for finding in told["findings"]:
                for cited in finding["evidence"]:
                    cited.pop("observed_seq")
        self.assertEqual(native, other)


def _is_of_all(event_type: str) -> bool:
    """Whether an event is no delivery: those are a door's own."""
    return event_type not in ("CommentaryDelivered", "ProjectionWritten")


def digest(folder: Path, cited: dict) -> str:
    lines = (folder / cited["path"]).read_bytes().splitlines(keepends=True)
    return sha256(b"".join(lines[cited["start_line"] - 1 : cited["end_line"]])).hexdigest()


class OwnProfile(unittest.TestCase):
    def test_a_profile_of_the_settings_has_aliases_that_work(self) -> None:
        with scratch() as folder, ScriptedProvider() as provider:
            with bridge(write_tree(folder), provider) as running:
                listed = {model["id"] for model in running.client.get("/v1/models").json["data"]}
                self.assertLessEqual({"mission-a2-scripted", "mission-a3-scripted"}, listed)
                for tier in ("A2", "A3"):
                    provider.then(READ, GOOD)
                    said = contract(tier=tier, mode=template(tier)["mode"])
                    alias = f"mission-{tier.lower()}-scripted"
                    asked = {"model": alias, "input": render_handoff(said), "stream": False}
                    answer = running.client.turn(asked)
                    text = answer.json["output"][-1]["content"][0]["text"]
                    self.assertIn("**Outcome**: COMPLETE", text, alias)
                for tier in ("4", "5", "6"):
                    asked = {"model": f"mission-a{tier}-scripted", "stream": False,
                             "input": render_handoff(contract())}  # fmt: skip
                    refused = running.client.turn(asked).error
                    self.assertIn("tier_alias_mismatch", refused["message"])


if __name__ == "__main__":
    unittest.main()
