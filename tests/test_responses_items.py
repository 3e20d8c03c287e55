"""Input items: what each type and each part becomes, and what is refused (bridge 7)."""

import json
import unittest
from typing import Any

from support import chance
from support.turns import KEY

from codex_oss.chat import ChatMessage, FilePart, ImagePart, TextPart
from codex_oss.errors import BadRequest
from codex_oss.responses import Past, ResponsesRequest, parse_request
from codex_oss.responses.calls import Call
from codex_oss.responses.envelope import (
    SealedReasoning,
    digest_of,
    seal_reasoning,
    seal_summary,
)
from codex_oss.responses.foreign import HOSTED
from codex_oss.responses.items import AgentMessage, FoundTools, Note, Thought

OURS = Past(KEY)
USER = {"role": "user", "content": "hi"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"}
FILE = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
PNG = ImagePart("data:image/png;base64,AAAA", "high")
PDF = FilePart("a.pdf", "data:application/pdf;base64,AAAA")
A, B = {"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}


def read(*items: Any, past: Past = OURS) -> ResponsesRequest:
    return parse_request(json.dumps({"model": "m", "input": items}).encode(), past)


def faults(*items: Any) -> list[tuple[str, str]]:
    try:
        read(*items)
    except BadRequest as error:
        return [(fault.path, fault.code) for fault in error.faults]
    return []


def said(role: str, *content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": list(content)}


class Messages(unittest.TestCase):
    def test_texts_are_joined_and_what_is_none_keeps_its_place(self) -> None:
        for item, message in (
            (USER, ChatMessage("user", "hi")),
            (said("developer", A, B), ChatMessage("system", "a\nb")),
            (said("system"), ChatMessage("system", "")),
            (said("user", {"type": "text", "text": "t"}), ChatMessage("user", "t")),
            (said("assistant", A, B) | {"phase": "commentary"}, ChatMessage("assistant", "a\nb")),
            (
                said("assistant", {"type": "refusal", "refusal": "no"}),
                ChatMessage("assistant", "no"),
            ),
            (said("user", A, IMAGE), ChatMessage("user", "a", parts=(PNG,))),
            (
                said("user", A, B, IMAGE, A, FILE),
                ChatMessage("user", "a\nb", parts=(PNG, TextPart("a"), PDF)),
            ),
            (said("user", FILE), ChatMessage("user", "", parts=(PDF,))),
            (
                said("user", {"type": "input_image", "image_url": "https://host/x.png"}),
                ChatMessage("user", "", parts=(ImagePart("https://host/x.png"),)),
            ),
        ):
            with self.subTest(item):
                self.assertEqual(read(item).items, (message,))

    def test_a_part_that_cannot_be_passed_on_is_refused_with_its_path(self) -> None:
        at = "input[0].content[0]"
        for part, path, code in (
            ({"type": "hologram"}, f"{at}.type", "invalid_value"),
            ({"text": "b"}, f"{at}.type", "missing_required_parameter"),
            ("c", at, "invalid_type"),
            ({"type": "input_text"}, f"{at}.text", "missing_required_parameter"),
            ({"type": "input_image"}, f"{at}.image_url", "missing_required_parameter"),
            ({"type": "input_image", "file_id": "f"}, f"{at}.file_id", "unsupported_file_id"),
            (
                {"type": "input_image", "image_url": "file:///etc/passwd"},
                f"{at}.image_url",
                "invalid_value",
            ),
            ({"type": "input_file", "file_id": "f"}, f"{at}.file_id", "unsupported_file_id"),
            ({"type": "input_file", "file_url": "u"}, f"{at}.file_url", "unsupported_file_url"),
            ({"type": "input_file"}, f"{at}.file_data", "missing_required_parameter"),
            ({"type": "input_audio", "input_audio": {}}, at, "unsupported_audio"),
        ):
            self.assertEqual(faults(said("user", part)), [(path, code)], part)
            result = {"type": "function_call_output", "call_id": "c", "output": [part]}
            call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
            moved = path.replace("input[0].content", "input[1].output")
            self.assertEqual(faults(call, result), [(moved, code)], part)

    def test_who_speaks_is_known_and_an_assistant_shows_no_pictures(self) -> None:
        for item, path, code in (
            ({"type": "message", "content": "x"}, "role", "missing_required_parameter"),
            ({"role": "robot", "content": "x"}, "role", "invalid_value"),
            ({"role": "user"}, "content", "missing_required_parameter"),
            ({"role": "user", "content": 5}, "content", "invalid_type"),
            (said("assistant", IMAGE), "content", "invalid_value"),
        ):
            self.assertEqual(faults(item), [(f"input[0].{path}", code)], item)

    def test_an_agents_message_has_images_too(self) -> None:
        item = {"type": "agent_message", "author": "/root", "content": [A, IMAGE]}
        message = ChatMessage("user", "a", parts=(PNG,))
        self.assertEqual(read(item).items, (AgentMessage(message),))


class Calls(unittest.TestCase):
    def test_every_kind_of_call_is_a_call_of_a_function(self) -> None:
        action = {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": None}
        own = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "x"}
        custom = {"type": "custom_tool_call", "call_id": "c", "name": "p", "input": 'a "b"\n'}
        search = {"type": "tool_search_call", "call_id": "c", "execution": "client"}
        shell = {"type": "local_shell_call", "action": action}
        for item, call in (
            (own, Call("c", "", "f", "{}")),
            (own | {"namespace": "ns"}, Call("c", "ns", "f", "{}")),
            (own | {"namespace": None}, Call("c", "", "f", "{}")),
            (custom, Call("c", "", "p", '{"input":"a \\"b\\"\\n"}')),
            (custom | {"namespace": "ns"}, Call("c", "ns", "p", '{"input":"a \\"b\\"\\n"}')),
            (search | {"arguments": {"q": 1}}, Call("c", "", "tool_search", '{"q":1}')),
            (search | {"arguments": '{"q":1}'}, Call("c", "", "tool_search", '{"q":1}')),
            (search, Call("c", "", "tool_search", "{}")),
            (shell | {"call_id": "c"}, Call("c", "", "local_shell", '{"command":["ls"],"env":{}}')),
            (shell | {"id": "i"}, Call("i", "", "local_shell", '{"command":["ls"],"env":{}}')),
        ):
            with self.subTest(item):
                self.assertEqual(read(item).items, (call,))

    def test_every_kind_of_result_is_a_tools_message(self) -> None:
        for call, kind, own in (
            ({"type": "function_call", "name": "f", "arguments": ""}, "function_call_output", {}),
            ({"type": "custom_tool_call", "name": "p", "input": ""}, "custom_tool_call_output", {}),
            ({"type": "local_shell_call", "action": {}}, "local_shell_call_output", {}),
        ):
            asked = call | {"call_id": "c"}
            for output, message in (
                ("done", ChatMessage("tool", "done", call_id="c")),
                ([A, IMAGE, B], ChatMessage("tool", "a", call_id="c", parts=(PNG, TextPart("b")))),
                ([], ChatMessage("tool", "", call_id="c")),
            ):
                answer = {"type": kind, "call_id": "c", "output": output} | own
                self.assertEqual(read(asked, answer).items[1:], (message,))
        shell = {"type": "local_shell_call", "call_id": "c", "action": {}}
        answer = {"type": "local_shell_call_output", "id": "c", "output": "done"}
        self.assertEqual(read(shell, answer).items[1], ChatMessage("tool", "done", call_id="c"))

    def test_a_search_says_what_it_found(self) -> None:
        search = {"type": "tool_search_call", "call_id": "c", "execution": "client"}
        tools = [
            {"type": "function", "name": "f"},
            {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g"}]},
        ]
        found = {"type": "tool_search_output", "call_id": "c", "tools": tools}
        names = (("", "f"), ("n", "g"))
        self.assertEqual(read(search, found).items[1], FoundTools("c", names))
        hosted = found | {"call_id": None, "execution": "server"}
        request = read(search | {"execution": "server", "arguments": {"q": "x"}}, hosted, USER)
        line = Note("assistant", '[tool_search_call: {"q":"x"}]')
        self.assertEqual(request.items, (line, ChatMessage("user", "hi")))
        self.assertEqual([tool.name for tool in request.tools], ["f", "n__g"])
        odd = found | {"tools": [{"type": "namespace", "name": "n", "tools": [5, "name"]}]}
        told = [(f"input[0].tools[0].tools[{n}]", "invalid_type") for n in range(2)]
        self.assertEqual(faults(odd), told)

    def test_a_call_without_its_fields_is_refused(self) -> None:
        for item, names in (
            ({"type": "function_call"}, "arguments call_id name"),
            ({"type": "custom_tool_call"}, "input call_id name"),
            ({"type": "tool_search_call", "execution": "client"}, "call_id"),
            ({"type": "local_shell_call", "action": {}}, "id"),
            ({"type": "function_call_output"}, "output call_id"),
        ):
            missing = [(f"input[0].{name}", "missing_required_parameter") for name in names.split()]
            self.assertEqual(faults(item), missing)
        wrong = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        path = "input[0].namespace"
        self.assertEqual(faults(wrong | {"namespace": 5}), [(path, "invalid_type")])


class Strangers(unittest.TestCase):
    def test_what_openai_ran_is_one_line_of_the_assistants(self) -> None:
        for item, line in (
            (
                {"type": "web_search_call", "action": {"type": "search", "query": "why\nnot"}},
                "[web_search_call: why not]",
            ),
            ({"type": "web_search_call"}, "[web_search_call]"),
            ({"type": "file_search_call", "queries": ["a", "b"]}, "[file_search_call: a b]"),
            ({"type": "code_interpreter_call", "code": "1+1"}, "[code_interpreter_call: 1+1]"),
            (
                {"type": "image_generation_call", "result": "iVBORw0", "revised_prompt": "a cat"},
                "[image_generation_call: a cat]",
            ),
            (
                {"type": "computer_call", "action": {"type": "click", "x": 1}},
                '[computer_call: {"type":"click","x":1}]',
            ),
            (
                {"type": "computer_call_output", "output": {"image_url": "data:,x"}},
                "[computer_call_output]",
            ),
            (
                {"type": "mcp_call", "name": "t", "arguments": "{}", "output": "data:,x"},
                "[mcp_call: t {}]",
            ),
        ):
            with self.subTest(item):
                self.assertEqual(read(item, USER).items[0], Note("assistant", line))
        kinds = "web_search_call file_search_call code_interpreter_call image_generation_call"
        kinds += " computer_call computer_call_output mcp_call mcp_list_tools tool_search_call"
        kinds += " mcp_approval_request mcp_approval_response"
        self.assertEqual(set(HOSTED), set(kinds.split()))
        for kind, fields in HOSTED.items():
            item = {"type": kind, "execution": "server"}
            for field in fields:
                name, _, inner = field.partition(".")
                item[name] = item.get(name, {}) | {inner: field} if inner else field
            told = " ".join(fields)
            line = f"[{kind}: {told}]" if told else f"[{kind}]"
            self.assertEqual(read(item, USER).items[0], Note("assistant", line))
        long = read({"type": "code_interpreter_call", "code": "x" * 5_000}, USER).items[0]
        assert isinstance(long, Note)
        self.assertEqual((len(long.text), long.text[-2:]), (2_000, "x]"))

    def test_what_nobody_knows_is_shown_as_it_came_and_told(self) -> None:
        item = {"type": "novelty", "n": 1}
        request = read(item, USER, item, {"type": "other"})
        shown = '<item type="novelty">{"type":"novelty","n":1}</item>'
        self.assertEqual(request.items[0], Note("user", shown))
        self.assertEqual(request.repaired, ("unknown_item",))
        self.assertEqual(request.unknown_types, ("novelty", "other"))
        many = read(USER, *({"type": f"x{n}" * 40} for n in range(200))).unknown_types
        self.assertEqual((len(many), len(many[0]), many[-1]), (101, 64, "..."))
        large = read({"type": "novelty", "text": "é" * 9_000}, USER).items[0]
        assert isinstance(large, Note)
        self.assertLessEqual(
            len(large.text.encode()), 8 * 1024 + len('<item type="novelty"></item>')
        )

    def test_a_type_that_is_no_word_is_a_fault(self) -> None:
        for kind in (5, ["message"], {}):
            self.assertEqual(faults({"type": kind}, USER), [("input[0].type", "invalid_type")])


class Reasoning(unittest.TestCase):
    def thought(self, text: str, **fields: Any) -> dict[str, Any]:
        content = [{"type": "reasoning_text", "text": text}]
        return {"type": "reasoning", "summary": [], "content": content} | fields

    def test_what_we_sealed_comes_back_with_its_family(self) -> None:
        seal = SealedReasoning("kin", "kin-1", "resp_1", digest_of("hm"), None, ('{"a":1}',))
        token = seal_reasoning(KEY, seal)
        thought = Thought("hm", "kin", ('{"a":1}',))
        self.assertEqual(read(self.thought("hm", encrypted_content=token), USER).items[0], thought)
        shown = {"summary": [{"type": "summary_text", "text": "hm"}], "content": None}
        item = self.thought("", encrypted_content=token) | shown
        self.assertEqual(read(item, USER).items[0], thought)
        hidden = SealedReasoning("kin", "kin-1", "resp_1", digest_of("hm"), "hm")
        item = {"type": "reasoning", "encrypted_content": seal_reasoning(KEY, hidden)}
        self.assertEqual(read(item, USER).items[0], Thought("hm", "kin"))

    def test_what_nobody_sealed_is_text_without_a_family(self) -> None:
        for item, thought in (
            (self.thought("hm"), Thought("hm")),
            (self.thought("hm", encrypted_content=None), Thought("hm")),
            (self.thought("", content=None, summary=[{"text": "s"}]), Thought("s")),
        ):
            self.assertEqual(read(item, USER).items[0], thought)
        self.assertEqual(len(read(self.thought(""), USER).items), 1)

    def test_what_is_not_as_we_sealed_it_is_dropped_and_counted_by_why(self) -> None:
        token = seal_reasoning(KEY, SealedReasoning("kin", "m", "r", digest_of("hm")))
        assert token
        head, body, mark = token.split(".")
        for text, sealed, reason in (
            ("hm!", token, "tampered"),
            ("hm", f"{head}.{body}x.{mark}", "tampered"),
            ("hm", f"{head}.{body}.{mark[::-1]}", "tampered"),
            ("hm", f"{head}.{body}", "tampered"),
            ("hm", "oss1.", "tampered"),
            ("", token, "text_missing"),
            ("hm", "gAAAAABm", "foreign"),
            ("hm", "opaque", "foreign"),
            ("hm", "oss1." + "x" * 4 * 1024 * 1024, "too_large"),
        ):
            request = read(self.thought(text, encrypted_content=sealed), USER)
            found = len(request.items), dict(request.reasoning_dropped)
            self.assertEqual(found, (1, {reason: 1}), sealed[:40])
        other = Past(b"another key")
        request = read(self.thought("hm", encrypted_content=token), USER, past=other)
        self.assertEqual(dict(request.reasoning_dropped), {"tampered": 1})

    def test_no_change_of_a_token_is_ever_taken(self) -> None:
        random = chance("tokens")
        token = seal_reasoning(KEY, SealedReasoning("kin", "m", "r", digest_of("hm"), "hm"))
        assert token
        for _ in range(300):
            place = random.randrange(len(token))
            other = random.choice("".join(set("abcXYZ019_-.=") - {token[place]}))
            changed = token[:place] + other + token[place + 1 :]
            request = read({"type": "reasoning", "encrypted_content": changed}, USER)
            self.assertEqual(len(request.items), 1, changed)


class Compaction(unittest.TestCase):
    def test_a_summary_of_ours_is_what_the_conversation_begins_with(self) -> None:
        token = seal_summary(KEY, "We are done.")
        for kind in ("compaction", "compaction_summary", "context_compaction"):
            note = Note("user", "[Summary of the conversation so far]\nWe are done.")
            found = read({"type": kind, "encrypted_content": token}, USER).items[0]
            self.assertEqual(found, note)

    def test_any_other_is_refused(self) -> None:
        token = seal_summary(KEY, "We are done.")
        reasoning = seal_reasoning(KEY, SealedReasoning("kin", "m", "r", digest_of("hm")))
        for sealed in ("gAAAA", token[:-1], token.replace("oss1c", "oss1"), reasoning):
            item = {"type": "compaction", "encrypted_content": sealed}
            self.assertEqual(faults(item, USER), [("input[0]", "unreadable_compaction")])
        with self.assertRaises(BadRequest) as caught:
            read({"type": "compaction", "encrypted_content": "x"}, USER)
        self.assertEqual(caught.exception.hint, "start a new thread")


if __name__ == "__main__":
    unittest.main()
