"""A request as chat messages, its task text, and what the receipt tells. Exchanges have more."""

import json
import unittest
from base64 import urlsafe_b64encode
from typing import Any

from support import chance

from codex_oss.chat import (
    ChatMessage,
    ChatRequest,
    Dialect,
    FilePart,
    FunctionCall,
    FunctionTool,
    ImagePart,
    Served,
    TextPart,
)
from codex_oss.errors import BadRequest, Refused
from codex_oss.responses import (
    Receipt,
    ResponsesRequest,
    codex_version,
    parse_request,
    task_text,
    to_chat_request,
)
from codex_oss.responses.names import upstream_name

TOOL = {"type": "function", "name": "f"}


def request_of(items: Any, **fields: Any) -> ResponsesRequest:
    body = {"model": "m", "input": items, "tools": [TOOL], "store": False} | fields
    return parse_request(json.dumps(body).encode())


def messages_of(items: Any, **fields: Any) -> tuple[ChatMessage, ...]:
    return to_chat_request(request_of(items, **fields))[0].messages


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def call(call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": "done"}


class Messages(unittest.TestCase):
    def test_what_precedes_the_conversation_is_one_system_message(self) -> None:
        leading = [said("developer", "d"), {"type": "additional_tools"}, said("system", "s")]
        self.assertEqual(
            messages_of([*leading, said("user", "u")], instructions="i"),
            (ChatMessage("system", "i\n\nd\n\ns"), ChatMessage("user", "u")),
        )
        self.assertEqual(messages_of("u"), (ChatMessage("user", "u"),))

    def test_later_instructions_keep_their_place(self) -> None:
        self.assertEqual(
            messages_of([said("user", "u"), said("developer", "d"), said("system", "s")]),
            (ChatMessage("user", "u"), ChatMessage("system", "d"), ChatMessage("system", "s")),
        )

    def test_images_stand_where_a_model_can_be_shown_them(self) -> None:
        image = {"type": "input_image", "image_url": "https://host/x.png"}
        file = {"type": "input_file", "filename": "a.txt", "file_data": "QQ=="}
        text = {"type": "input_text", "text": "see"}
        png, txt = ImagePart("https://host/x.png"), FilePart("a.txt", "QQ==")
        results = [
            output("a") | {"output": [text, image, image, text]},
            output("b"),
            output("c") | {"output": [file, image]},
        ]
        labels = [f"[image {n} of call f]" for n in (1, 2)]
        told = [
            said("developer", [text, image]),
            said("user", [text, image, text]),
            call("a"),
            call("b"),
            call("c"),
            *results,
            said("user", "next"),
            said("developer", [image]),
        ]
        instructions = "[image 1 of the instructions]"
        shown = (TextPart(instructions), png)
        calls = tuple(FunctionCall(call_id, "f", "{}") for call_id in "abc")
        self.assertEqual(
            messages_of(told),
            (
                ChatMessage("system", f"see\n{instructions}"),
                ChatMessage("user", parts=shown),
                ChatMessage("user", "see", parts=(png, TextPart("see"))),
                ChatMessage("assistant", calls=calls),
                ChatMessage("tool", "\n".join(["see", *labels, "see"]), call_id="a"),
                ChatMessage("tool", "done", call_id="b"),
                ChatMessage("tool", f"[file 1 of call f]\n{labels[0]}", call_id="c"),
                ChatMessage(
                    "user",
                    parts=(
                        *(TextPart(labels[0]), png),
                        *(TextPart(labels[1]), png),
                        *(TextPart("[file 1 of call f]"), txt),
                        *(TextPart(labels[0]), png),
                    ),
                ),
                ChatMessage("user", "next"),
                ChatMessage("system", instructions),
                ChatMessage("user", parts=shown),
            ),
        )

    def test_a_file_that_a_model_cannot_read_is_refused_before_any_event(self) -> None:
        blind = Dialect(model="blind-1", modalities=("text",))
        for data, is_read in (
            ("data:application/pdf;base64,AAAA", False),
            ("data:text/plain;base64,QQ==", True),
        ):
            part = {"type": "input_file", "filename": "a", "file_data": data}
            request = request_of([said("user", [part])])
            self.assertEqual(len(to_chat_request(request)[0].messages), 1)
            if is_read:
                to_chat_request(request, blind)
                continue
            with self.assertRaisesRegex(BadRequest, "blind-1"):
                to_chat_request(request, blind)

    def test_what_the_bridge_says_is_said_in_the_right_name(self) -> None:
        items = [
            said("user", "u"),
            {"type": "web_search_call", "action": {"query": "q"}},
            said("assistant", "a"),
            {"type": "novelty"},
        ]
        self.assertEqual(
            messages_of(items),
            (
                ChatMessage("user", "u"),
                ChatMessage("assistant", "[web_search_call: q]\n\na"),
                ChatMessage("user", '<item type="novelty">{"type":"novelty"}</item>'),
            ),
        )

    def test_calls_are_told_by_the_names_that_the_model_knows(self) -> None:
        dotted = {"type": "function", "name": "a.b"}
        spaced = {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "g"}]}
        search = {"type": "tool_search_call", "call_id": "s", "execution": "client"}
        found = {"type": "tool_search_output", "call_id": "s", "tools": [spaced]}
        items = [
            said("user", "u"),
            search,
            found,
            call("x") | {"name": "a.b"},
            call("y") | {"name": "g", "namespace": "n"},
            call("z") | {"name": "gone.by", "namespace": "n"},
            said("user", "v"),
            search | {"call_id": "t"},
            found | {"call_id": "t", "tools": []},
        ]
        messages = messages_of(items, tools=[dotted])
        names = [each.name for message in messages for each in message.calls]
        marked = [upstream_name("", "a.b"), "n__g", upstream_name("n", "gone.by")]
        self.assertEqual(names, ["tool_search", *marked, "tool_search"])
        results = [message.text for message in messages if message.role == "tool"]
        self.assertEqual(results, ["Found, and callable from here on: n__g", "Found nothing."])

    def test_neighbours_of_the_assistant_are_one_message(self) -> None:
        items = [
            said("user", "u"),
            said("assistant", "one"),
            {"type": "reasoning", "summary": []},
            call("a"),
            said("assistant", ""),
            said("assistant", "two"),
            call("b"),
            output("a"),
            output("b"),
            said("assistant", ""),
        ]
        calls = (FunctionCall("a", "f", "{}"), FunctionCall("b", "f", "{}"))
        self.assertEqual(
            messages_of(items),
            (
                ChatMessage("user", "u"),
                ChatMessage("assistant", "one\n\ntwo", calls),
                ChatMessage("tool", "done", call_id="a"),
                ChatMessage("tool", "done", call_id="b"),
            ),
        )

    def test_calls_without_a_word_are_one_message_too(self) -> None:
        calls = (FunctionCall("a", "f", "{}"), FunctionCall("b", "f", "{}"))
        messages = messages_of([said("user", "u"), call("a"), call("b"), output("b"), output("a")])
        self.assertEqual(messages[1], ChatMessage("assistant", "", calls))

    def test_what_a_request_asks_and_its_receipt(self) -> None:
        request = request_of(
            [said("user", "u"), call("a")],
            tool_choice="required",
            temperature=0,
            include=["x"],
        )
        call_a = ChatMessage("assistant", calls=(FunctionCall("a", "f", "{}"),))
        chat = ChatRequest(
            messages=(ChatMessage("user", "u"), call_a),
            tools=(FunctionTool("f", "", {"type": "object", "properties": {}}),),
            tool_choice="required",
            temperature=0,
        )
        self.assertEqual(to_chat_request(request), (chat, Receipt(dropped=("include:x",))))

    def test_tools_are_stripped_and_calls_come_singly_where_a_setting_says_so(self) -> None:
        request = request_of("u", tool_choice="required", instructions="i")
        chat, receipt = to_chat_request(request, strips_tools=True, one_call=True)
        said = (ChatMessage("system", "i"), ChatMessage("user", "u"))
        self.assertEqual((chat, receipt.dropped), (ChatRequest(said), ("tools",)))
        chat, receipt = to_chat_request(request, one_call=True)
        self.assertEqual((chat.parallel_calls, receipt.dropped), (False, ()))
        told = "i\n\nCall at most one tool at a time, and wait for its result."
        self.assertEqual(chat.messages[0], ChatMessage("system", told))

    def test_a_receipt_says_nothing_where_there_is_nothing_to_tell(self) -> None:
        _, receipt = to_chat_request(request_of("hi"))
        self.assertEqual(receipt.to_json(), {})

    def test_a_receipt_takes_in_what_the_one_who_answers_says(self) -> None:
        ours = Receipt(
            lane="plain",
            profile="kimi",
            upstream_model="kimi-k2.6",
            wire="chat",
            dropped=("a",),
            repaired=("b",),
            reasoning_dropped={"foreign": 2},
            stored=False,
        )
        self.assertEqual(ours.merge(Served()), ours)
        served = Served(
            profile="flash",
            upstream_model="deepseek-v4-flash",
            wire="anthropic",
            tries=3,
            fallback_from="kimi",
            dropped=("a", "c"),
            downgraded=("schema",),
            repaired=("d",),
            reasoning_dropped=(("foreign", 1), ("tampered", 1)),
        )
        self.assertEqual(
            ours.merge(served).to_json(),
            {
                "lane": "plain",
                "profile": "flash",
                "upstream_model": "deepseek-v4-flash",
                "wire": "anthropic",
                "tries": 3,
                "fallback_from": "kimi",
                "dropped": ("a", "c"),
                "downgraded": ("schema",),
                "repaired": ("b", "d"),
                "reasoning_dropped": {"foreign": 3, "tampered": 1},
                "stored": False,
            },
        )

    def test_an_answer_to_no_call_is_refused(self) -> None:
        image = [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]
        for what in ("done", image):
            with self.assertRaisesRegex(BadRequest, "call_id nowhere"):
                messages_of([said("user", "u"), output("nowhere") | {"output": what}])


def fernet(random: Any, blocks: int) -> str:
    """Return a token: version, 8 bytes of time, 16 of vector, blocks of 16, 32 of HMAC."""
    body = bytes([0x80]) + random.randbytes(8 + 16 + 16 * blocks + 32)
    return urlsafe_b64encode(body).decode()


def agent(*texts: str, sealed: str = "") -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "input_text", "text": text} for text in texts]
    if sealed:
        parts.append({"type": "encrypted_content", "encrypted_content": sealed})
    return {"type": "agent_message", "author": "/root", "content": parts}


class Tasks(unittest.TestCase):
    def test_the_newest_message_that_is_not_codex_s_own_is_the_task(self) -> None:
        old, task = said("user", "old"), said("user", "task")
        context = [
            said("user", f"{start} and more")
            for start in (
                "<environment_context>",
                "<user_instructions>",
                "# AGENTS.md instructions",
                "\n <subagent_notification>",
                "<turn_aborted>",
            )
        ]
        for items, text in (
            ([old, task], "task"),
            ([old, task, *context, call("a"), output("a"), said("assistant", "x")], "task"),
            ([task, said("developer", "d")], "task"),
            ([old, agent("do", "this")], "do\nthis"),
            ([agent("P:", sealed="plain words"), *context], "P:\nplain words"),
            (context, ""),
            ("whole", "whole"),
        ):
            with self.subTest(text):
                self.assertEqual(task_text(request_of(items)), text)

    def test_an_encrypted_task_is_refused_before_any_provider_is_asked(self) -> None:
        random = chance("fernet")
        for blocks in (1, 2, 40):
            request = request_of([said("user", "old"), agent("P:", sealed=fernet(random, blocks))])
            for act in (task_text, to_chat_request):
                with self.assertRaises(Refused) as caught:
                    act(request)
                error = caught.exception
                self.assertEqual(error.code, "unreadable_encrypted_agent_task")
                self.assertEqual(error.http_status, 400)
                self.assertIn("codex-oss mcp", error.hint)

    def test_an_older_encrypted_message_is_named_in_its_place(self) -> None:
        items = [agent("P:", sealed=fernet(chance("old"), 3)), said("user", "task")]
        told = "P:\n[encrypted message from /root: not readable here]"
        self.assertEqual(messages_of(items)[0], ChatMessage("user", told))

    def test_what_only_looks_like_a_token_is_text(self) -> None:
        token = fernet(chance("text"), 2)
        self.assertEqual(task_text(request_of(token)), token)
        other = urlsafe_b64encode(bytes([0x81]) + bytes(72)).decode()
        for near in (
            fernet(chance("short"), 0),
            other,
            token[:-4],
            "gAAAAA",
            "x" + token,
            "g A" + token[2:],
            "not base64 at all!",
        ):
            self.assertEqual(task_text(request_of([agent(sealed=near)])), near)


class Clients(unittest.TestCase):
    def test_codex_is_known_by_its_names_and_its_version(self) -> None:
        for originator, agent_name, version in (
            ("codex_exec", "codex_exec/0.148.0 (Ubuntu)", (0, 148, 0)),
            ("", "codex_cli_rs/0.169.2", (0, 169, 2)),
            ("codex_vscode", "Mozilla", (0, 169, 0)),
            ("codex_vscode", "VSCode/1.2.3", (0, 169, 0)),
            ("", "Codex Desktop/0.150.0", (0, 150, 0)),
            ("", "openai-python/2.0.0", None),
            ("", "", None),
        ):
            with self.subTest(agent_name):
                self.assertEqual(codex_version(originator, agent_name), version)


if __name__ == "__main__":
    unittest.main()
