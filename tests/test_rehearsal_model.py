"""The two models of the rehearsal room as chat models: pieces, ids, usage, endings."""

import json
import unittest
from math import inf

from support import chance
from support.clocks import HandWoundClock

from codex_oss.chat import (
    Burst,
    ChatChunk,
    ChatMessage,
    ChatReply,
    ChatRequest,
    FunctionCall,
    FunctionTool,
    Usage,
    gather,
)
from codex_oss.contract import (
    MISSION,
    OBSERVATION,
    STATE,
    ActionFault,
    ReportAction,
    block,
    declared,
    parse_action,
)
from codex_oss.deadline import Deadline
from codex_oss.errors import Cancelled, UpstreamTimeout
from codex_oss.rehearsal import RehearsalModel, ScriptedChatModel

CLASSES = ("read", "search", "list")
LEFT = {"tools": 9, "model_calls": 9, "seconds": 60, "observation_bytes": 90_000, "files": 9}


def deadline() -> Deadline:
    return Deadline(HandWoundClock(), inf)


def request(
    *between: ChatMessage, objective: str = "Where is `f` defined?", phase: str = "PLAN"
) -> ChatRequest:
    mission = {
        "mission_id": "m",
        "objective": objective,
        "tier": "A3",
        "scope": {"allowed_roots": [], "allowed_paths": ["a.py"], "forbidden_roots": []},
        "obligations": [{"id": "q1", "question": objective, "required": True, "sources": []}],
    }
    state = {"phase": phase, "limits_left": LEFT, "agenda": []}
    tools = declared(CLASSES, with_tools=phase != "REPORT")
    return ChatRequest(
        messages=(
            ChatMessage("system", "Rules."),
            ChatMessage("user", block(MISSION, mission)),
            *between,
            ChatMessage("user", block(STATE, state)),
        ),
        tools=tuple(FunctionTool(*each) for each in tools),
    )


def bursts(asked: ChatRequest) -> list[Burst]:
    return list(RehearsalModel().stream(asked, deadline()))


def called(asked: ChatRequest) -> list[tuple[str, dict[str, object]]]:
    reply = gather(bursts(asked))
    return [(call.name, json.loads(call.arguments)) for call in reply.calls]


def said(call_id: str, name: str, arguments: object, result: object) -> tuple[ChatMessage, ...]:
    """Return a call of an earlier reply with its result."""
    call = FunctionCall(call_id, name, json.dumps(arguments))
    return (
        ChatMessage("assistant", "", (call,)),
        ChatMessage("tool", json.dumps(result), call_id=call_id),
    )


class RehearsalModelTest(unittest.TestCase):
    maxDiff = None

    def test_its_first_reply_is_a_search_in_pieces_with_a_reason(self) -> None:
        stream = bursts(request())
        reply = gather(stream)
        self.assertGreater(len(stream), 3)
        self.assertEqual(("tool_calls", "rehearsal_1"), (reply.finish, reply.calls[0].call_id))
        arguments = json.loads(reply.calls[0].arguments)
        self.assertEqual("f", arguments["pattern"])
        self.assertTrue(0 < len(arguments["reason"]) <= 300)
        self.assertGreater(reply.usage.input_tokens if reply.usage else 0, 50)

    def test_the_same_prompt_gets_the_same_bursts(self) -> None:
        self.assertEqual(bursts(request()), bursts(request()))

    def test_no_call_id_comes_twice(self) -> None:
        first = gather(bursts(request())).calls[0]
        answer = {"error": "not_run", "message": "Only the first calls are run."}
        second = gather(bursts(request(*said(first.call_id, first.name, {}, answer)))).calls[0]
        self.assertNotEqual(first.call_id, second.call_id)

    def test_a_call_that_was_not_run_is_made_again_and_one_that_failed_is_not(self) -> None:
        ((name, arguments),) = called(request())
        del arguments["reason"]
        not_run = {"error": "not_run", "message": "Only the first calls of a reply are run."}
        again = called(request(*said("c1", name, arguments, not_run)))
        self.assertEqual([name], [call for call, _ in again])
        for refusal in (
            {"tool": name, "denied": "observation_budget", "rule": "", "allowed": ""},
            {"error": "bad_argument", "message": "no", "example": ""},
            {"tool": name, "exit_code": 2, "text": "pattern_timeout", "ref": "command:0"},
        ):
            self.assertEqual(
                ["final_report"],
                [call for call, _ in called(request(*said("c1", name, arguments, refusal)))],
            )

    def test_what_shrank_is_asked_for_once_more(self) -> None:
        ((name, arguments),) = called(request())
        del arguments["reason"]
        shrunk = {"tool": name, "ref": "command:0", "shrunk": "3 matches"}
        once = said("c1", name, arguments, shrunk)
        self.assertEqual([name], [call for call, _ in called(request(*once))])
        twice = (*once, *said("c2", name, arguments, shrunk))
        self.assertEqual(["final_report"], [call for call, _ in called(request(*twice))])

    def test_in_the_phase_report_it_reports_at_once(self) -> None:
        ((name, arguments),) = called(request(phase="REPORT"))
        self.assertEqual("final_report", name)
        action = parse_action(name, json.dumps(arguments), ("final_report",))
        assert isinstance(action, ReportAction), action
        self.assertEqual("PARTIAL", action.draft.status)

    def test_files_packed_into_the_prompt_are_enough_where_they_are_the_scope(self) -> None:
        packed = {
            "tool": "rtk_read",
            "ref": "file:a.py#extract:1",
            "exit_code": 0,
            "path": "a.py",
            "start_line": 1,
            "end_line": 2,
            "total_lines": 2,
            "text": "1: def f(x=1):\n2:     return x",
            "complete": True,
            "truncated": False,
        }
        shown = ChatMessage("user", block(OBSERVATION, packed))
        question = "What does `x` of `f` default to?"
        ((_, arguments),) = called(request(shown, objective=question, phase="REPORT"))
        report = arguments["report"]
        assert isinstance(report, dict)
        self.assertEqual("COMPLETE", report["status"], report["uncertainties"])
        self.assertEqual(
            [("1", ["file:a.py#extract:1@L1-L1"])],
            [(f["value"], f["evidence_refs"]) for f in report["findings"]],
        )

    def test_every_call_is_an_action_whatever_the_objective(self) -> None:
        dice = chance()
        alphabet = "where is `'\"().*[]\\ \n\u00e9<>def_X\ud7ff calls"
        for _ in range(100):
            objective = "".join(dice.choice(alphabet) for _ in range(dice.randint(0, 60)))
            asked = request(objective=objective)
            names = [tool.name for tool in asked.tools]
            for call in gather(bursts(asked)).calls:
                action = parse_action(call.name, call.arguments, names)
                self.assertNotIsInstance(action, ActionFault, (objective, action))

    def test_to_a_conversation_it_says_what_it_is(self) -> None:
        talk = ChatRequest((ChatMessage("user", "Hello"),))
        reply = gather(bursts(talk))
        self.assertEqual(((), "stop"), (reply.calls, reply.finish))
        self.assertIn("offline planner", reply.text)

    def test_a_deadline_that_was_called_off_ends_it(self) -> None:
        off = deadline()
        stream = RehearsalModel().stream(request(), off)
        next(stream)
        off.cancel("client left")
        with self.assertRaises(Cancelled):
            list(stream)


class ScriptedChatModelTest(unittest.TestCase):
    def test_it_plays_its_replies_in_order_and_keeps_the_requests(self) -> None:
        call = FunctionCall("c1", "rtk_ls", '{"path": "."}')
        replies = [
            ChatReply("x" * 100, "because", (), "length", Usage(3, 4)),
            ChatReply(calls=(call,)),
        ]
        model = ScriptedChatModel(replies)
        heard = [gather(model.stream(request(phase=name), deadline())) for name in "AB"]
        self.assertEqual([replies[0], ChatReply(calls=(call,), finish="tool_calls")], heard)
        self.assertEqual([request(phase="A"), request(phase="B")], model.requests)

    def test_an_exception_in_the_list_is_raised_in_its_turn(self) -> None:
        model = ScriptedChatModel([UpstreamTimeout("late"), ChatReply("on time")])
        with self.assertRaises(UpstreamTimeout):
            list(model.stream(request(), deadline()))
        self.assertIn((ChatChunk(text="on time"),), model.stream(request(), deadline()))

    def test_a_call_beyond_the_script_is_a_bug(self) -> None:
        with self.assertRaises(AssertionError):
            list(ScriptedChatModel([]).stream(request(), deadline()))


if __name__ == "__main__":
    unittest.main()
