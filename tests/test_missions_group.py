"""Several profiles on one contract: what they agree on, what they dispute, and who was missing."""

import json
import unittest
from collections.abc import Sequence

from support import LONG, scratch
from support.missions import ScriptedModel, calls, order, write_tree
from support.stories import Story

from codex_oss.audit import audit
from codex_oss.chat import ChatChunk
from codex_oss.deadline import Deadline
from codex_oss.errors import Refused, UpstreamAuth
from codex_oss.missions import MissionResult
from codex_oss.profiles import ModelProfile
from codex_oss.record import CorroborationRecorded, Member, corroborated
from codex_oss.settings import load_settings
from codex_oss.wiring import wire_workshop

READ = calls(("rtk_read", {"path": "src/config.py"}))
READ_ALL = calls(("rtk_read", {"path": "src/config.py"}), ("rtk_read", {"path": "src/main.py"}))
PROFILES = {
    name: {"base_url": "http://127.0.0.1:9/v1", "prices": {"input": 1, "output": 1}}
    for name in ("one", "two", "three")
}
TIMEOUT = "`TIMEOUT` is 30 in src/config.py"
LINE = "file:src/config.py#extract:1@L1"


def finds(claim: str, ref: str, value: str = "", status: str = "COMPLETE") -> list[ChatChunk]:
    row = {"claim": claim, "evidence_refs": [ref], "obligation_id": "q1", "value": value}
    body = {"status": status, "confidence": "HIGH", "answer": "Found.", "findings": [row]}
    return calls(("final_report", {"report": body}))


def answers(*found: tuple[str, str, str, str]) -> list[ChatChunk]:
    rows = [
        {"claim": claim, "evidence_refs": [ref], "obligation_id": about, "value": value}
        for claim, ref, about, value in found
    ]
    body = {"status": "COMPLETE", "confidence": "HIGH", "answer": "Found.", "findings": rows}
    return calls(("final_report", {"report": body}))


class Group(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = write_tree(self.enterContext(scratch()))

    def run_with(
        self,
        models: dict[str, ScriptedModel],
        obligations: Sequence[str] = (),
        **changes: object,
    ) -> MissionResult:
        def model_of(profile: ModelProfile) -> ScriptedModel:
            return models[profile.name]

        environ = {"HOME": str(self.folder), "PROFILES_JSON": json.dumps(PROFILES)}
        settings = load_settings(environ, self.folder)
        self.shop = wire_workshop(settings, models=model_of)  # type: ignore[arg-type]
        policy = {"profiles": list(models), **changes}
        asked = "What is `TIMEOUT`?"
        run = self.shop.desk.begin(
            order(
                self.shop,
                objective=asked,
                corroboration=policy,
                answer_obligations=list(obligations),
            ),
            Deadline(self.shop.clock),
        )
        self.events = tuple(run.events())
        assert self.shop.desk.archive.verify(run.run_id).is_good
        states = {state.state for state in self.shop.desk.archive.check(run.run_id)}
        self.assertEqual(states, {"same"})
        for head in self.shop.desk.archive.heads():
            outcomes = audit(self.shop.desk.auditor.subject(head.run_id))
            self.assertEqual([(o.name, o.message) for o in outcomes if not o.ok], [])
        return run.result()

    def file(self, name: str) -> dict:
        return json.loads((self.folder / ".codex-oss/missions/find_load" / name).read_text())

    def test_profiles_that_agree_give_one_finding_that_names_them_all(self) -> None:
        good = ScriptedModel(READ, finds(TIMEOUT, LINE, "30"))
        also = ScriptedModel(READ, finds("`TIMEOUT` is 30", LINE, " 30 "))
        result = self.run_with({"one": good, "two": also})
        self.assertEqual((result.status, result.report["confidence"]), ("COMPLETE", "HIGH"))
        (finding,) = result.report["findings"]  # type: ignore[misc]
        self.assertEqual(
            (finding["corroboration"], finding["backed_by"]), ("agreed", ["one", "two"])
        )
        self.assertIn("[agreed by one, two] `TIMEOUT` is 30", result.message)
        self.assertEqual(result.report, self.file("report.json"))
        told = self.file("corroboration.json")
        heads = [(m["run_id"], m["head"]) for m in told["members"]]
        archive = self.shop.desk.archive
        logged = [archive.load(run_id).record.loop.finalized_hash for run_id, _ in heads]
        self.assertEqual([head for _, head in heads], logged)
        self.assertEqual(result.report["usage"]["cost_microusd"], 4 * 110)  # type: ignore[index, call-overload]
        self.assertEqual(len(good.requests), 2)

    def test_profiles_that_disagree_on_a_value_escalate_with_both_spans(self) -> None:
        one = ScriptedModel(READ, finds(TIMEOUT, LINE, "30"))
        two = ScriptedModel(
            READ_ALL, finds("`load` is what it is", "file:src/main.py#extract:1@L1", "load")
        )
        result = self.run_with({"one": one, "two": two})
        self.assertEqual((result.status, result.status_reason), ("ESCALATE", "contradiction_found"))
        (dispute,) = result.report["contradictions"]  # type: ignore[misc]
        spans = [(s["profile"], s["value"], s["evidence"][0]["path"]) for s in dispute["sides"]]
        self.assertEqual(spans, [("one", "30", "src/config.py"), ("two", "load", "src/main.py")])
        for place in ("src/config.py:1-1", "src/main.py:1-1"):
            self.assertIn(place, result.message)

    def test_what_one_found_that_another_searched_for_in_vain_is_a_dispute(self) -> None:
        nothing = Story().greps("TIMEOUT", path="src")
        nothing.reports(("there is no `TIMEOUT`", ["command:0#zero_match"]))
        elsewhere = Story().greps("TIMEOUT", path="tests")
        elsewhere.reports(("there is no `TIMEOUT`", ["command:0#zero_match"]))
        found = Story().greps("TIMEOUT", ("src/config.py", 1, "TIMEOUT = 30"), path="src")
        found.reports((TIMEOUT, ["command:0#match:1"]))
        for other, kinds in ((nothing, ["zero_match_met"]), (elsewhere, [])):
            members = [Member("one", found.record), Member("two", other.record)]
            disputes = corroborated(members).detail["disputes"]
            self.assertEqual([each["kind"] for each in disputes], kinds)  # type: ignore[attr-defined]

    def test_searches_in_vain_agree_only_where_they_looked_for_the_same(self) -> None:
        def searched(pattern: str, path: str | None = "src") -> Member:
            story = Story().greps(pattern, path=path)
            claim = "there is none of it in the code"
            story.reports((claim, ["command:0#zero_match"]))
            return Member(f"{pattern} {path}", story.record)

        for other, is_agreed in (
            (searched("eval"), True),
            (searched("eval", None), True),
            (searched("exec"), False),
            (searched("eval", "tests"), False),
        ):
            with self.subTest(other.profile):
                found = corroborated([searched("eval", "src/main"), other])
                self.assertEqual(
                    (len(found.agreed), len(found.single_source)), (1, 0) if is_agreed else (0, 2)
                )
        listed = Story().calls_tool("rtk_ls", {"path": "src"}, "config.py file 3")
        listed.reports(("there is none of it in the code", ["command:0"]))
        found = corroborated([searched("eval"), Member("listed", listed.record)])
        self.assertEqual(found.agreed, ())

    def test_a_member_that_failed_is_listed_and_two_of_three_are_enough(self) -> None:
        good = finds(TIMEOUT, LINE, "30")
        refused = UpstreamAuth("set the key")

        def models() -> dict[str, ScriptedModel]:
            scripts = {"one": (READ, good), "two": (refused,), "three": (READ, good)}
            return {name: ScriptedModel(*replies) for name, replies in scripts.items()}

        result = self.run_with(models())
        members = [(m["profile"], m["status"]) for m in result.report["members"]]  # type: ignore[union-attr]
        self.assertEqual(members, [("one", "COMPLETE"), ("two", "FAILED"), ("three", "COMPLETE")])
        self.assertEqual(result.status, "COMPLETE")
        self.assertIn("The run of two ended FAILED", result.message)
        if LONG:
            self.assertEqual(self.run_with(models(), min_agree=3).status, "PARTIAL")

    def test_agreement_repairs_no_missing_evidence(self) -> None:
        weak = finds("`TIMEOUT_MAX` is 30", LINE, "30")
        models = {name: ScriptedModel(READ, weak) for name in ("one", "two")}
        result = self.run_with(models)
        self.assertEqual(result.status, "PARTIAL")
        (fact,) = [e.fact for e in self.events if isinstance(e.fact, CorroborationRecorded)]
        self.assertEqual(len(fact.agreed), 1)

    def test_two_complete_runs_that_answer_a_question_apart_are_not_enough(self) -> None:
        rows = [
            ("`TIMEOUT` is 30", LINE, "q1", "30"),
            ("`load` is defined in src/config.py", "file:src/config.py#extract:1@L4", "q2", ""),
            ("`load` is imported in src/main.py", "file:src/main.py#extract:1@L1", "q2", ""),
        ]
        for other, status in ((rows[1], "COMPLETE"), (rows[2], "PARTIAL")):
            models = {
                name: ScriptedModel(READ_ALL, answers(rows[0], second))
                for name, second in (("one", rows[1]), ("two", other))
            }
            result = self.run_with(models, obligations=["What is `TIMEOUT`?", "Where is `load`?"])
            members = [each["status"] for each in result.report["members"]]  # type: ignore[union-attr]
            self.assertEqual((members, result.status), (["COMPLETE", "COMPLETE"], status))

    def test_a_group_is_compared_and_not_resumed(self) -> None:
        models = {name: ScriptedModel(READ, finds(TIMEOUT, LINE)) for name in ("one", "two")}
        result = self.run_with(models)
        with self.assertRaises(Refused) as caught:
            self.shop.desk.resume(result.run_id, Deadline(self.shop.clock))
        self.assertEqual(caught.exception.code, "group_not_resumable")


if __name__ == "__main__":
    unittest.main()
