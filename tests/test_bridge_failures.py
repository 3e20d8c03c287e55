"""Each way in which a provider fails, row by row of bridge 14, on a whole bridge: streamed and not.

What the caller is told, and how often the model and the next of its chain were asked.
"""

import json
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from support import scratch
from support.bridges import KEY, RunningBridge, bridge
from support.clients import Client
from support.gateways import end_of
from support.providers import (
    JSON,
    Asked,
    Pause,
    Reply,
    ScriptedProvider,
    delta,
    event,
    failure,
    text,
)

RETRIES = 1
AGAIN = 1 + RETRIES
CODEX = {"User-Agent": "codex_exec/0.169.0 (Linux)", "originator": "codex_exec"}


@dataclass(frozen=True)
class Row:
    """A failure, what a caller gets for it, how often its model is asked, whether the next is."""

    what: str
    reply: Reply
    status: int
    code: str
    codex_code: str
    tries: int
    falls_back: bool
    words: str = ""


def told(status: int, message: str = "", **headers: str) -> Reply:
    return failure(status, {"error": {"message": message or "no"}}, headers)


def rows_of(
    code: str, status: int, codex_code: str, tries: int, falls_back: bool, **replies: Reply
) -> list[Row]:
    return [
        Row(what, reply, status, code, codex_code, tries, falls_back)
        for what, reply in replies.items()
    ]


SAID = (delta(content="Half a"),)
ROWS = (
    *rows_of(
        "context_length_exceeded",
        400,
        "context_length_exceeded",
        1,
        False,
        too_large=told(413),
        maximum=told(400, "maximum context length is 8192 tokens"),
        unprocessable=told(422, "prompt is too long"),
        internal=told(500, "exceeds the context window"),
        in_a_stream=Reply((event({"error": {"message": "x", "code": "context_length_exceeded"}}),)),
    ),
    *rows_of(
        "invalid_prompt",
        400,
        "invalid_prompt",
        1,
        False,
        rejected=told(400, "bad schema"),
        unprocessable_entity=told(422),
        redirected=Reply((), 302, {"location": "http://127.0.0.1:1/"}),
    ),
    *rows_of(
        "upstream_auth",
        502,
        "invalid_prompt",
        1,
        False,
        unauthorized=told(401),
        forbidden=told(403),
    ),
    *rows_of(
        "insufficient_quota",
        429,
        "invalid_prompt",
        1,
        True,
        payment=told(402),
        reset_is_far=told(429, **{"retry-after": "7500"}),
        quota_words=told(429, "You exceeded your current quota"),
    ),
    *rows_of(
        "rate_limit_exceeded",
        429,
        "rate_limit_exceeded",
        AGAIN,
        True,
        unknown_reset=told(429),
        reset_is_near=told(429, **{"retry-after": "1"}),
        limited_in_a_stream=Reply((event({"error": {"message": "Rate limit", "code": 429}}),)),
    ),
    *rows_of(
        "server_is_overloaded",
        503,
        "server_is_overloaded",
        AGAIN,
        True,
        unavailable=told(503),
        overloaded=told(529),
    ),
    *rows_of(
        "model_not_found",
        400,
        "invalid_prompt",
        1,
        True,
        no_such_path=told(404),
        no_such_model=told(400, "The model `x` does not exist"),
    ),
    *rows_of(
        "server_error",
        502,
        "server_error",
        AGAIN,
        True,
        internal_error=told(500),
        bad_gateway=failure(502, b"<html>no</html>"),
        timeout_of_theirs=told(408),
        conflict=told(409),
        too_early=told(425),
        hung_up=text("").cut(0),
        error_in_a_stream=Reply((event({"error": {"message": "oops"}}),)),
        error_in_a_body=Reply((b'{"error":{"message":"oops"}}',), 200, JSON),
        base_resp=Reply((b'{"base_resp":{"status_code":1,"status_msg":"oops"}}',), 200, JSON),
        page=Reply((b"<html></html>",), headers={"content-type": "text/html"}),
        neither_json_nor_stream=Reply((b"garbage",)),
        half_a_chunk=Reply((b"data: {garbage\n\n",)),
        no_json=Reply((b"garbage",), 200, JSON),
        nothing_but_a_role=Reply((delta(role="assistant"),)),
    ),
    *rows_of("server_error", 502, "server_error", 1, False, cut=Reply(SAID)),
    *rows_of("server_error", 504, "server_error", AGAIN, True, late=text("x").after(4)),
    *rows_of(
        "server_error",
        504,
        "server_error",
        1,
        False,
        silent=Reply((*SAID, Pause(4))),
        silent_before_a_word=Reply((delta(role="assistant", content=""), Pause(4))),
    ),
)
SENTENCES = {  # What a caller reads, where the row says so.
    "unauthorized": "Hint: set ACME_KEY",
    "reset_is_far": "quota of openai_compatible used up, resets at",
    "unknown_reset": "Please try again in 5s.",
    "reset_is_near": "Please try again in 1s.",
    "late": "1 s (UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS)",
    "silent": "1 s (UPSTREAM_IDLE_TIMEOUT_SECONDS)",
    "silent_before_a_word": "1 s (UPSTREAM_IDLE_TIMEOUT_SECONDS)",
}
SETTINGS = {
    "ACME_KEY": "sk-acme-0123456789",
    "UPSTREAM_RETRIES": str(RETRIES),
    "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "1",
    "UPSTREAM_IDLE_TIMEOUT_SECONDS": "1",
    "CIRCUIT_BREAKER_ERRORS": "1000",
    "MAX_GLOBAL_UPSTREAM_CONCURRENCY": "1024",
    "FALLBACK_MODEL_MAP_JSON": '{"chained": ["spare"]}',
}


class Failures(unittest.TestCase):
    def setUp(self) -> None:
        """Serve a bridge whose provider does what the question says."""
        self.rows = {row.what: row for row in ROWS}
        self.provider = self.enterContext(ScriptedProvider(self.answer))
        at = {
            "provider": "openai_compatible",
            "base_url": self.provider.base_url,
            "key_env": "ACME_KEY",
        }
        profiles = {name: {**at, "upstream_model": name} for name in ("alone", "chained", "spare")}
        self.running = self.enterContext(
            bridge(self.enterContext(scratch()), PROFILES_JSON=json.dumps(profiles), **SETTINGS)
        )

    def answer(self, asked: Asked) -> Reply:
        if asked.body["model"] == "spare":
            return text("Hello")
        return self.rows[asked.messages[-1]["content"].split()[0]].reply

    def ask(self, job: tuple[Row, str, str]) -> tuple[object, ...]:
        """Return status and code, whether the model's chain answered, and what was read."""
        row, model, manner = job
        headers = CODEX if manner == "codex" else {}
        client = Client(self.running.port, KEY, **headers)
        asked = {"model": model, "input": f"{row.what} {manner}"}
        if manner == "whole":
            answer = client.turn(asked)
            document = answer.json
            failed = document["error"] if answer.status != 200 else None
            status = answer.status
            if failed and failed["code"] == "rate_limit_exceeded":
                self.assertIn("retry-after", answer.headers)
        else:
            document = end_of(client.events({**asked, "stream": True}))
            failed, status = document["error"], 200
        served = document.get("oss_receipt", {}).get("fallback_from", "")
        return status, failed and failed["code"], served, failed["message"] if failed else ""

    def test_every_row(self) -> None:
        jobs = [
            (row, model, manner)
            for row in ROWS
            for model in ("alone", "chained")
            for manner in ("whole", "streamed", "codex")
        ]
        with ThreadPoolExecutor(48) as pool:
            found = list(zip(jobs, pool.map(self.ask, jobs), strict=True))
        asked = Counter(
            (request.messages[-1]["content"], request.body["model"])
            for request in self.provider.requests
        )
        for (row, model, manner), (status, code, served, message) in found:
            with self.subTest(row.what, model=model, manner=manner):
                is_mended = row.falls_back and model == "chained"
                question = f"{row.what} {manner}"
                # The next of a chain is asked the same question, so that its tries are counted too.
                tries = (asked[question, model], asked[question, "spare"])
                if is_mended:
                    self.assertEqual((status, code, served), (200, None, "chained"))
                    self.assertEqual(tries, (row.tries, 1))
                    continue
                expected = row.codex_code if manner == "codex" else row.code
                self.assertEqual(code, expected)
                self.assertEqual(status, row.status if manner == "whole" else 200)
                self.assertEqual(tries[0], row.tries)
                self.assertIn(SENTENCES.get(row.what, ""), message)

    def test_a_wait_that_nobody_named_is_short(self) -> None:
        started = time.monotonic()
        self.ask((self.rows["unknown_reset"], "alone", "whole"))
        self.assertLess(time.monotonic() - started, 1.5)


class WithoutACall(unittest.TestCase):
    """The two rows of our own: nobody is asked."""

    def setUp(self) -> None:
        self.provider = self.enterContext(ScriptedProvider())
        self.project = self.enterContext(scratch())

    def bridge(self, **settings: str) -> RunningBridge:
        at = {"provider": "openai_compatible", "base_url": self.provider.base_url}
        profiles = {name: {**at, "upstream_model": name} for name in ("alone", "chained", "spare")}
        settings = {**SETTINGS, "UPSTREAM_RETRIES": "0", **settings}
        return self.enterContext(
            bridge(self.project, PROFILES_JSON=json.dumps(profiles), **settings)
        )

    def assert_told(self, running: RunningBridge, status: int, code: str) -> None:
        """Assert what each manner of asking gets, and that nobody was asked for it."""
        asked, count = {"model": "alone", "input": "hi"}, len(self.provider.requests)
        answer = running.client.turn(asked)
        self.assertEqual((answer.status, answer.error["code"]), (status, code))
        for headers in ({}, CODEX):
            client = Client(running.port, KEY, **headers)
            failed = end_of(client.events({**asked, "stream": True}))
            self.assertEqual(failed["error"]["code"], code)
            self.assertIn("try again in", failed["error"]["message"])
        self.assertEqual(len(self.provider.requests), count)

    def test_an_open_breaker(self) -> None:
        running = self.bridge(CIRCUIT_BREAKER_ERRORS="1")
        self.provider.then(told(503), told(503), text("Hi"), text("Hi"))
        running.client.turn({"model": "alone", "input": "hi"})
        self.assert_told(running, 503, "server_is_overloaded")
        for _ in range(2):
            running.client.turn({"model": "chained", "input": "hi"})
        asked = [request.body["model"] for request in self.provider.requests]
        self.assertEqual(asked, ["alone", "chained", "spare", "spare"])

    def test_a_full_queue(self) -> None:
        limits = {"MAX_GLOBAL_UPSTREAM_CONCURRENCY": "1", "UPSTREAM_QUEUE_MAX": "0"}
        running = self.bridge(**limits, UPSTREAM_IDLE_TIMEOUT_SECONDS="9")
        self.provider.then(Reply((*SAID, Pause(9))))
        with running.client.stream({"model": "spare", "input": "hi", "stream": True}) as events:
            next(event for event in events if event.type.endswith("delta"))
            self.assert_told(running, 429, "rate_limit_exceeded")


class Lessons(unittest.TestCase):
    """The two refusals after which the same model is asked once more."""

    def test_a_field_or_a_wire_that_is_refused_costs_one_try(self) -> None:
        field = told(400, "Unsupported parameter: top_p")
        wire = told(404, "not supported for format oa-compat")
        said = {"type": "message", "content": [{"type": "text", "text": "Hi"}], "usage": {}}
        message = Reply((json.dumps(said).encode(),), 200, JSON)
        for refusal, answer in ((field, text("Hi")), (wire, message)):
            for streams in (False, True):
                with (
                    scratch() as project,
                    ScriptedProvider(checks=False) as provider,
                    bridge(project, provider) as running,
                ):
                    provider.then(refusal, answer)
                    asked = {"model": "scripted", "input": "hi", "top_p": 0.5, "stream": streams}
                    if streams:
                        response = end_of(running.client.events(asked))
                    else:
                        response = running.client.turn(asked).json
                    self.assertEqual(response["status"], "completed")
                    self.assertEqual(len(provider.requests), 2)


if __name__ == "__main__":
    unittest.main()
