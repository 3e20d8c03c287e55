"""What is passed on to a provider of the same API: its bytes, its headers, its missing ends."""

import json
import threading
import unittest

from support import LONG, chance, scratch
from support.bridges import bridge as whole_bridge
from support.clients import Client
from support.gateways import HELLO, TERMINALS, WHOLE, Running, gateway
from support.missions import contract, write_tree
from support.providers import JSON, Pause, Reply, ScriptedProvider, event, failure, text
from support.served import KEY, until
from support.turns import parsed, stream_of, turn_of
from support.websockets import WebSocketClient

from codex_oss.chat import ChatChunk, Usage
from codex_oss.contract import render_handoff
from codex_oss.gateway.relayed_events import RelayedEvents
from codex_oss.responses.envelope import seal_summary
from codex_oss.upstream import Slots, WaitingRoom

SAID = ChatChunk("I say response.completed, é\r\n", finish="stop", usage=Usage(1000, 100))
EVENTS = parsed(stream_of(turn_of(b'{"model":"x","input":"hi"}'), [(SAID,)]))
DONE = EVENTS[-1]["response"]


def named(data: dict) -> bytes:
    """Return an event as this provider writes it."""
    return b"event: " + data["type"].encode() + b"\n" + event(data)


PIECES = tuple(map(named, EVENTS))
STREAM = Reply(PIECES)
DOCUMENT = Reply((json.dumps(DONE, indent=1).encode(),), 200, JSON)


def raw(client: Client, document: dict) -> bytes:
    """Return the body of a reply as it came."""
    return client.turn(document).body


def ends(body: bytes) -> list[dict]:
    """Return the terminal events of a stream, which must be of whole events."""
    assert body.endswith(b"\n\n"), body[-80:]
    blocks = [block for block in body.split(b"\n\n") if b"data: {" in block]
    found = [json.loads(block.split(b"data: ", 1)[1]) for block in blocks]
    return [each for each in found if each["type"] in TERMINALS]


class Relayed(unittest.TestCase):
    def setUp(self) -> None:
        self.provider = self.enterContext(ScriptedProvider(checks=False))

    def gateway(self, **options: object) -> Running:
        return self.enterContext(gateway(self.provider, wire="responses", **options))  # type: ignore[arg-type]

    def line(self, running: Running) -> dict:
        self.assertTrue(until(lambda: bool(running.lines)))
        return running.lines[-1]


class Passing(Relayed):
    def test_a_stream_arrives_byte_for_byte_as_it_comes(self) -> None:
        running = self.gateway(key_env="ACME_KEY", key="sk-acme")
        self.provider.then(STREAM, STREAM.spaced(0.1))
        asked = {**HELLO, "made_up": {"a": [1, None]}, "previous_response_id": "resp_theirs"}
        self.assertEqual(raw(running.client, asked), b"".join(PIECES))
        request = self.provider.requests[0]
        self.assertEqual(request.path, "/v1/responses")
        self.assertEqual(request.body, {**asked, "model": "acme/scripted-1"})
        self.assertEqual(request.headers["authorization"], "Bearer sk-acme")
        times = [each.at for each in running.client.events(HELLO)]
        self.assertGreater(times[-1] - times[0], 0.15)

    def test_a_whole_reply_arrives_byte_for_byte_and_is_logged(self) -> None:
        running = self.gateway()
        self.provider.then(DOCUMENT)
        answer = running.client.turn({**WHOLE, "tools": [{"type": "web_search"}]})
        self.assertEqual((answer.status, answer.body), (200, DOCUMENT.body))
        self.assertEqual(answer.headers["x-oss-lane"], "passthrough")
        self.assertEqual(answer.headers["x-oss-upstream-model"], "acme/scripted-1")
        line = self.line(running)
        told = ("lane", "model", "status", "outcome", "code", "usage", "cost_usd", "tools")
        self.assertEqual(
            [line[name] for name in told],
            ["passthrough", "scripted", 200, "completed", None, DONE["usage"], 0.0012, 1],
        )

    def test_the_line_of_a_stream_says_how_it_ended(self) -> None:
        running = self.gateway()
        error = {"code": "rate_limit_exceeded", "message": "slow"}
        response = {**DONE, "status": "failed", "error": error}
        failed = named({"type": "response.failed", "sequence_number": 1, "response": response})
        for reply, outcome, code in (
            (STREAM, "completed", None),
            (Reply((PIECES[0], failed)), "failed", "rate_limit_exceeded"),
            (Reply(PIECES[:1]), "failed", "server_error"),
        ):
            self.provider.then(reply)
            count = len(running.lines)
            raw(running.client, HELLO)
            self.assertTrue(until(lambda n=count: len(running.lines) > n))
            line = running.lines[-1]
            self.assertEqual((line["outcome"], line["code"]), (outcome, code))
            self.assertEqual((line["status"], line["stream"]), (200, True))

    def test_only_the_listed_headers_go_on(self) -> None:
        sent = {
            "openai-beta": "responses=v1",
            "originator": "codex_exec",
            "User-Agent": "codex_exec/0.169.0",
            "session-id": "s",
            "thread-id": "t",
            "x-client-request-id": "r",
            "x-codex-turn-metadata": "{}",
            "x-openai-subagent": "review",
            "cookie": "c",
        }
        for name, metadata in (("acme", None), ("openai", "{}")):
            running = self.gateway(provider_name=name)
            self.provider.then(DOCUMENT)
            Client(running.server.port, KEY, **sent).turn(WHOLE)
            headers = self.provider.requests[-1].headers
            listed = {name.lower(): value for name, value in list(sent.items())[:6]}
            self.assertEqual({each: headers.get(each) for each in listed}, listed)
            self.assertEqual(headers.get("x-codex-turn-metadata"), metadata)
            for ours in ("authorization", "x-openai-subagent", "cookie"):
                self.assertNotIn(ours, headers)

    def test_what_only_we_can_read_is_left_out_and_told_in_the_line(self) -> None:
        running = self.gateway()
        self.provider.then(DOCUMENT)
        summary = {"type": "compaction", "encrypted_content": seal_summary(b"k" * 32, "So far.")}
        running.client.turn({**WHOLE, "input": [summary, {"role": "user", "content": "hi"}]})
        self.assertIn("So far.", self.provider.requests[0].raw.decode())
        self.assertEqual(self.line(running)["receipt"]["dropped"], ["item:compaction"])
        damaged = {**summary, "encrypted_content": "oss1c.x.y"}
        answer = running.client.turn({**WHOLE, "input": [damaged]})
        self.assertEqual((answer.status, answer.error["code"]), (400, "unreadable_compaction"))
        self.assertEqual(running.lines[-1]["lane"], "refused")

    def test_a_history_is_made_short_by_the_provider_itself(self) -> None:
        running = self.gateway()
        self.provider.then(DOCUMENT)
        answer = running.client.post("/v1/responses/compact", {"model": "scripted", "input": "hi"})
        self.assertEqual((answer.status, answer.body), (200, DOCUMENT.body))
        self.assertEqual(self.provider.requests[0].path, "/v1/responses/compact")

    def test_a_socket_is_told_to_use_http(self) -> None:
        running = self.gateway(speaks_websocket=True)
        with WebSocketClient(running.client) as client:
            client.say(json.dumps({"type": "response.create", "model": "scripted", "input": "hi"}))
            told = json.loads(client.hear())
        self.assertEqual((told["type"], told["error"]["code"]), ("error", "not_over_websocket"))
        self.assertIn("supports_websockets", told["error"]["message"])
        self.assertEqual(self.provider.requests, [])


class Events(unittest.TestCase):
    def test_reads_cut_anywhere_give_the_same_bytes_and_the_same_ends(self) -> None:
        random = chance("reads")
        for line_end in (b"\n", b"\r\n"):
            stream = b"".join(PIECES).replace(b"\n", line_end)
            for _ in range(300 if LONG else 30):
                events, passed, rest = RelayedEvents(), [], stream
                while rest:
                    size = random.choice((1, 2, 7, 100, 1000))
                    passed.append(events.feed(rest[:size]))
                    rest = rest[size:]
                    self.assertTrue(b"".join(passed).endswith(2 * line_end) or not any(passed))
                self.assertEqual(b"".join(passed), stream)
                self.assertEqual((events.begun, events.end), (EVENTS[0]["response"], DONE))
                self.assertEqual(events.count, len(PIECES))


class Ends(Relayed):
    def test_a_stream_without_an_end_gets_one_that_speaks_of_the_same_response(self) -> None:
        running = self.gateway()
        for reply in (Reply(PIECES[:2]), STREAM.cut(len(PIECES[0]) + len(PIECES[1]) + 40)):
            self.provider.then(reply)
            body = raw(running.client, HELLO)
            self.assertTrue(body.startswith(b"".join(PIECES[:2])))
            self.assertTrue(body.endswith(b"data: [DONE]\n\n"))
            (end,) = ends(body)
            self.assertEqual((end["sequence_number"], end["type"]), (2, "response.failed"))
            self.assertEqual(end["response"]["id"], DONE["id"])
            self.assertEqual(end["response"]["error"]["code"], "server_error")
            self.assertEqual(end["response"]["oss_receipt"]["lane"], "passthrough")

    def test_a_stream_cut_at_any_byte_is_of_whole_events_with_one_end(self) -> None:
        running, random = self.gateway(begin_seconds=5), chance("cuts")
        length = sum(len(b"%x\r\n%s\r\n" % (len(piece), piece)) for piece in PIECES)
        for _ in range(200 if LONG else 12):
            self.provider.then(*[STREAM.cut(random.randrange(40, length))] * 3)
            self.assertEqual(len(ends(raw(running.client, HELLO))), 1)
            self.provider.steps.clear()

    def test_a_failure_before_the_first_byte_is_told_as_in_other_lanes(self) -> None:
        running = self.gateway()
        for reply, status, code, codex_code, tries in (
            (failure(400, {"error": {"message": "no"}}), 400, "invalid_prompt", None, 1),
            (failure(401, {}), 502, "upstream_auth", "invalid_prompt", 1),
            (failure(402, {}), 429, "insufficient_quota", "invalid_prompt", 1),
            (failure(503, {}), 503, "server_is_overloaded", None, 3),
            (text("").cut(0), 502, "server_error", None, 3),
            (Reply((), headers={"content-type": "text/event-stream"}), 502, "server_error", "", 3),
        ):
            with self.subTest(code):
                for ask in ("whole", "streamed", "codex"):
                    self.provider.then(*[reply] * tries)
                    count = len(self.provider.requests)
                    if ask == "whole":
                        answer = running.client.turn(WHOLE)
                        self.assertEqual((answer.status, answer.error["code"]), (status, code))
                    else:
                        client = running.client if ask == "streamed" else running.codex()
                        (end,) = ends(raw(client, HELLO))
                        told = end["response"]["error"]["code"]
                        self.assertEqual(told, (ask == "codex" and codex_code) or code)
                    self.assertEqual(len(self.provider.requests) - count, tries)

    def test_a_stream_must_begin_in_time_and_may_then_go_on(self) -> None:
        running = self.gateway(begin_seconds=0.4)
        self.provider.then(Reply((PIECES[0], Pause(0.6), *PIECES[1:])), STREAM.after(2))
        self.assertEqual(
            raw(running.client, HELLO).replace(b": waiting\n\n", b""), b"".join(PIECES)
        )
        (end,) = ends(raw(running.client, HELLO))
        self.assertIn("REQUEST_DEADLINE_SECONDS", end["response"]["error"]["message"])

    def test_a_try_that_succeeds_is_told(self) -> None:
        running = self.gateway()
        self.provider.then(failure(500, {}), DOCUMENT)
        self.assertEqual(running.client.turn(WHOLE).status, 200)
        self.assertEqual(self.line(running)["receipt"]["tries"], 2)

    def test_no_room_and_no_key_are_told(self) -> None:
        running = self.gateway(key_env="ACME_KEY", key="")
        self.assertEqual(running.client.turn(WHOLE).error["code"], "upstream_auth")
        running = self.gateway(slots=Slots(1, WaitingRoom(0)))
        self.provider.then(Reply((PIECES[0], Pause(5))))
        with running.client.stream(HELLO) as events:
            next(iter(events))
            self.assertEqual(running.client.turn(WHOLE).status, 429)
            (end,) = ends(raw(running.client, HELLO))
            self.assertEqual(end["response"]["error"]["code"], "rate_limit_exceeded")

    def test_silence_has_signs_of_life_behind_whole_events_only(self) -> None:
        running = self.gateway()
        half = PIECES[1][:30]
        rest = (PIECES[1][30:], *PIECES[2:])
        for client, sign in (
            (running.client, b": waiting\n\n"),
            (running.codex(), b'event: keepalive\ndata: {"type":"keepalive"}\n\n'),
        ):
            self.provider.then(Reply((PIECES[0] + half, Pause(0.4), *rest)))
            body = raw(client, HELLO)
            self.assertIn(PIECES[0] + sign, body)
            self.assertEqual(body.replace(sign, b""), b"".join(PIECES))

    def test_a_caller_who_leaves_ends_the_call(self) -> None:
        running = self.gateway()
        self.provider.then(Reply((PIECES[0], Pause(10), PIECES[2])))
        with running.client.stream(HELLO) as events:
            next(iter(events))
        self.assertTrue(until(lambda: self.provider.requests[0].hung_up_at is not None, 2))
        self.assertEqual(self.line(running)["outcome"], "cancelled")

    def test_a_bridge_that_stops_says_so(self) -> None:
        running = self.gateway()
        self.provider.then(Reply((PIECES[0], Pause(10))))
        bodies: list[bytes] = []
        asking = threading.Thread(target=lambda: bodies.append(raw(running.client, HELLO)))
        asking.start()
        self.assertTrue(until(lambda: bool(self.provider.requests)))
        running.server.listener.drain(0.2)
        asking.join(5)
        (end,) = ends(bodies[0])
        self.assertEqual(end["response"]["error"]["code"], "server_error")


class GptNames(unittest.TestCase):
    def setUp(self) -> None:
        self.provider = self.enterContext(ScriptedProvider(checks=False))
        self.project = self.enterContext(scratch())

    def test_another_model_answers_in_its_place(self) -> None:
        settings = {"GPT_MODEL_STRATEGY": "oss", "GPT_MODEL_OSS_FALLBACK": "scripted"}
        with whole_bridge(self.project, self.provider, **settings) as running:
            self.provider.say("Hello")
            response = running.client.turn({"model": "gpt-5.5", "input": "hi"}).json
        self.assertEqual(response["model"], "gpt-5.5")
        told = {name: response["oss_receipt"][name] for name in ("profile", "fallback_from")}
        self.assertEqual(told, {"profile": "scripted", "fallback_from": "gpt-5.5"})

    def test_a_mission_runs_on_that_model_and_says_so(self) -> None:
        settings = {"GPT_MODEL_STRATEGY": "oss", "GPT_MODEL_OSS_FALLBACK": "rehearsal"}
        write_tree(self.project)
        handoff = render_handoff(contract())
        with whole_bridge(self.project, self.provider, **settings) as running:
            response = running.client.turn({"model": "gpt-5.5", "input": handoff}).json
        receipt = response["oss_receipt"]
        self.assertEqual((receipt["lane"], receipt["fallback_from"]), ("mission", "gpt-5.5"))

    def test_it_is_passed_on_to_openai(self) -> None:
        settings = {
            "GPT_MODEL_STRATEGY": "passthrough",
            "OPENAI_API_KEY": "sk-openai-0123456789",
            "OPENAI_BASE_URL": self.provider.base_url,
        }
        with whole_bridge(self.project, self.provider, **settings) as running:
            self.provider.then(DOCUMENT)
            answer = running.client.turn({"model": "openai/GPT-5.5", "input": "hi"})
            self.provider.then(STREAM)
            self.assertEqual(
                raw(running.client, {"model": "gpt-5.5", "input": "hi", "stream": True}),
                b"".join(PIECES),
            )
        self.assertEqual(answer.json, DONE)
        first = self.provider.requests[0]
        self.assertEqual((first.path, first.body["model"]), ("/v1/responses", "gpt-5.5"))
        self.assertEqual(first.headers["authorization"], "Bearer sk-openai-0123456789")

    def test_it_is_refused_without_a_call(self) -> None:
        output = {"type": "function_call_output", "call_id": "c", "output": "x"}
        with whole_bridge(self.project, self.provider) as running:
            for more in ({}, {"previous_response_id": "resp_x"}, {"input": [output]}):
                answer = running.client.turn({"model": "gpt-5.5", "input": "hi", **more})
                self.assertEqual(answer.status, 400)
        self.assertEqual(self.provider.requests, [])

    def test_a_go_model_of_that_wire_is_passed_on(self) -> None:
        settings = {"UPSTREAM_BASE": self.provider.base_url, "OPENCODE_GO_API_KEY": "sk-go-01234"}
        with whole_bridge(self.project, self.provider, **settings) as running:
            for name, model in (("ocg-gpt-6-luna", "gpt-6-luna"), ("grok-4.7", "grok-4.7")):
                self.provider.then(DOCUMENT)
                running.client.turn({"model": name, "input": "hi"})
                self.assertEqual(self.provider.requests[-1].body["model"], model)


if __name__ == "__main__":
    unittest.main()
