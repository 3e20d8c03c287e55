"""What a model's refusals teach: fields it does not take, and the wire it speaks."""

import unittest
from dataclasses import replace

from support import scratch
from support.clocks import HandWoundClock

from codex_oss.errors import UpstreamRejected
from codex_oss.profiles import ModelProfile, Provider, on_wire
from codex_oss.system import Database
from codex_oss.upstream import WIRES_TABLE, Lessons, SqliteWires

WRONG_WIRE = UpstreamRejected("model m is not supported for format oa-compat")


class Learned(unittest.TestCase):
    profile = ModelProfile("p", "m", Provider("acme", "https://h/v1"))

    def test_a_refused_field_is_learned_once(self) -> None:
        lessons = Lessons()
        refusal = UpstreamRejected("Unsupported parameter: 'parallel_tool_calls'")
        self.assertTrue(lessons.learn(self.profile, refusal))
        self.assertIn("parallel_tool_calls", lessons.dialect_of(self.profile).refused)
        self.assertFalse(lessons.learn(self.profile, refusal))

    def test_what_names_no_field_or_two_teaches_nothing(self) -> None:
        lessons = Lessons()
        for sentence in ("bad request", "temperature and top_p cannot be combined", "my_top_p"):
            self.assertFalse(lessons.learn(self.profile, UpstreamRejected(sentence)), sentence)

    def test_another_wire_is_learned(self) -> None:
        lessons = Lessons()
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "anthropic")
        there = on_wire(self.profile.dialect, "acme", "anthropic")
        self.assertEqual(lessons.dialect_of(self.profile), there)
        self.assertTrue(lessons.learn(self.profile, UpstreamRejected("unknown field `top_p`")))
        self.assertEqual(lessons.refused_by(self.profile), frozenset({"top_p"}))
        self.assertEqual(lessons.dialect_of(self.profile).refused, there.refused | {"top_p"})

    def test_a_wire_is_remembered_once_an_answer_came_over_it_and_for_a_week(self) -> None:
        clock = HandWoundClock()
        folder = self.enterContext(scratch())
        for learns in (True, False):  # The second is the same bridge, started again.
            database = Database(folder / "state", (WIRES_TABLE,), clock)
            self.addCleanup(database.close)
            lessons = Lessons()
            lessons.remember_in(SqliteWires(database, clock))
            if learns:
                self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
                lessons.learn(self.profile, UpstreamRejected("unknown field `top_p`"))
                self.assertEqual(lessons.to_json()["wires"], {})
                lessons.confirm(self.profile)
            fields = {"m": ["top_p"]} if learns else {}
            told = {"wires": {"m": "anthropic"}, "dropped_fields": fields}
            self.assertEqual(lessons.to_json(), told)
            self.assertEqual(lessons.wire_of(self.profile), "anthropic")
        renamed = replace(self.profile, name="q")
        elsewhere = replace(self.profile, provider=Provider("acme", "https://other/v1"))
        self.assertEqual(lessons.wire_of(renamed), "anthropic")
        self.assertEqual(lessons.wire_of(elsewhere), "chat")
        clock.seconds += 7 * 86_400 + 1
        self.assertEqual(lessons.wire_of(self.profile), "chat")

    def test_a_wire_that_is_refused_too_is_not_remembered(self) -> None:
        lessons = Lessons()
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertFalse(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "chat")

    def test_a_remembered_wire_that_is_refused_is_forgotten(self) -> None:
        lessons = Lessons()
        lessons.learn(self.profile, WRONG_WIRE)
        lessons.confirm(self.profile)
        self.assertTrue(lessons.learn(self.profile, WRONG_WIRE))
        self.assertEqual(lessons.wire_of(self.profile), "chat")


if __name__ == "__main__":
    unittest.main()
