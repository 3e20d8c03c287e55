"""Every setting of calls to providers, on a whole bridge: what it changes, and its default."""

import json
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from support import LONG, scratch
from support.bridges import RunningBridge, bridge
from support.clients import Answer
from support.providers import (
    Asked,
    Pause,
    Reply,
    ScriptedProvider,
    delta,
    failure,
    full_backlog,
    text,
    whole_json,
)
from support.proxies import proxy
from support.served import until

from codex_oss.settings import SETTINGS, load_settings
from codex_oss.wiring import wire_workshop
from codex_oss.wiring.models import BREAKERS_MAX

WHOLE = {"model": "scripted", "input": "hi"}
STREAM = {**WHOLE, "stream": True}
DOWN = failure(503, {})
OPENAI = {"GPT_MODEL_STRATEGY": "openai", "OPENAI_API_KEY": "sk-openai-0123456789"}
DEFAULTS = {  # Settings 4.
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "FALLBACK_MODEL_MAP_JSON": '{"deepseek-v4-pro":["kimi-k2.6","deepseek-v4-flash"],'
    '"kimi-k2.6":["deepseek-v4-flash"],"deepseek-v4-flash":["kimi-k2.6"]}',
    "GPT_MODEL_STRATEGY": "error",
    "GPT_MODEL_OSS_FALLBACK": "deepseek-v4-pro",
    "UPSTREAM_STREAM": "1",
    "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": "30",
    "UPSTREAM_IDLE_TIMEOUT_SECONDS": "30",
    "UPSTREAM_TIMEOUT_SECONDS": "240",
    "UPSTREAM_STREAM_MAX_SECONDS": "1800",
    "UPSTREAM_CONNECT_TIMEOUT_SECONDS": "10",
    "UPSTREAM_RETRIES": "2",
    "REQUEST_DEADLINE_SECONDS": "90",
    "MAX_GLOBAL_UPSTREAM_CONCURRENCY": "5",
    "MODEL_CONCURRENCY_JSON": '{"deepseek-v4-pro":1,"kimi-k2.6":1,"deepseek-v4-flash":2}',
    "UPSTREAM_QUEUE_MAX": "64",
    "CIRCUIT_BREAKER_ERRORS": "2",
    "CIRCUIT_BREAKER_COOLDOWN": "300",
}


class Upstream(unittest.TestCase):
    def setUp(self) -> None:
        self.project = self.enterContext(scratch())
        self.provider = self.enterContext(ScriptedProvider())

    def bridge(self, *models: str, **environ: str) -> RunningBridge:
        """Serve these profiles, or `scripted`, at the provider; `relayed` is passed on to it."""
        at = {"provider": "openai_compatible", "base_url": self.provider.base_url}
        profiles = {name: {**at, "upstream_model": f"up-{name}"} for name in models or ["scripted"]}
        profiles["relayed"] = {**at, "upstream_model": "up-relayed", "wire": "responses"}
        environ = {"PROFILES_JSON": json.dumps(profiles), "UPSTREAM_RETRIES": "0", **environ}
        return self.enterContext(bridge(self.project, None, **environ))

    def asked(self) -> list[str]:
        return [request.body["model"] for request in self.provider.requests]


class Values(Upstream):
    def test_every_default(self) -> None:
        rows = {row.name: row.default for row in SETTINGS}
        self.assertEqual({name: rows.get(name) for name in DEFAULTS}, DEFAULTS)

    def test_what_the_defaults_mean_for_the_models_of_opencode_go(self) -> None:
        for environ, chains, at_once in (
            ({}, [("kimi", "flash"), ("flash",), ("kimi",)], [1, 1, 2]),
            ({"FALLBACK_MODEL_MAP_JSON": "{}"}, [(), (), ()], [1, 1, 2]),
            (
                {
                    "FALLBACK_MODEL_MAP_JSON": '{"deepseek":["deepseek","flash","kimi","flash"]}',
                    "MODEL_CONCURRENCY_JSON": '{"flash":7}',
                },
                [("flash", "kimi"), (), ()],
                [None, None, 7],
            ),
        ):
            environ = {"HOME": str(self.project), **environ}
            registry = wire_workshop(load_settings(environ, self.project)).registry
            found = [registry.resolve(name) for name in ("deepseek", "kimi", "flash")]
            self.assertEqual([each.fallbacks for each in found], chains)
            self.assertEqual([each.concurrency for each in found], at_once)

    def test_the_provider_openai_of_a_profile_is_where_the_setting_says(self) -> None:
        profiles = {"mine": {"provider": "openai", "upstream_model": "m"}}
        settings = {
            "PROFILES_JSON": json.dumps(profiles),
            "OPENAI_BASE_URL": self.provider.base_url,
            "OPENAI_API_KEY": "sk-openai-0123456789",
        }
        with bridge(self.project, None, **settings) as running:
            self.provider.say("Hello")
            self.assertEqual(running.client.turn({**WHOLE, "model": "mine"}).status, 200)
        headers = self.provider.requests[0].headers
        self.assertEqual(headers["authorization"], "Bearer sk-openai-0123456789")

    def test_a_proxy_is_asked_for_the_way_to_what_is_not_excepted(self) -> None:
        profiles = {
            "scripted": {"base_url": "https://240.0.0.1/v1"}
        }  # Nobody's: no way leads there.
        settings = {"PROFILES_JSON": json.dumps(profiles), "UPSTREAM_CONNECT_TIMEOUT_SECONDS": "1"}
        with proxy(b"502 Bad Gateway") as (port, asked):
            way = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}
            for more, count in (({}, 0), (way, 1), ({**way, "NO_PROXY": "240.0.0.1"}, 1)):
                answer = self.bridge(**settings, **more).client.turn(WHOLE)
                self.assertEqual(answer.json["error"]["type"], "server_error")
                self.assertEqual(len(asked), count)
        self.assertIn(b"CONNECT 240.0.0.1:443 HTTP/1.1", asked[0])


class Chains(Upstream):
    def test_models_of_a_chain_answer_in_order_each_once(self) -> None:
        chains = {"a": ["a", "b", "a", "b", "c"], "b": ["a"]}  # The chain of another is not taken.
        running = self.bridge("a", "b", "c", FALLBACK_MODEL_MAP_JSON=json.dumps(chains))
        self.provider.then(DOWN, DOWN, text("Hello"))
        answer = running.client.turn({**WHOLE, "model": "a"})
        self.assertEqual(self.asked(), ["up-a", "up-b", "up-c"])
        receipt = answer.json["oss_receipt"]
        self.assertEqual((receipt["profile"], receipt["fallback_from"]), ("c", "a"))

    def test_without_a_chain_nobody_else_is_asked(self) -> None:
        running = self.bridge("a", "b", FALLBACK_MODEL_MAP_JSON="{}")
        self.provider.then(DOWN)
        self.assertEqual(running.client.turn({**WHOLE, "model": "a"}).status, 503)
        self.assertEqual(self.asked(), ["up-a"])

    def test_who_is_not_translated_to_is_passed_over(self) -> None:
        running = self.bridge("a", "b", FALLBACK_MODEL_MAP_JSON='{"a":["relayed","b"]}')
        self.provider.then(DOWN, text("Hello"))
        running.client.turn({**WHOLE, "model": "a"})
        self.assertEqual(self.asked(), ["up-a", "up-b"])

    def test_tries_come_before_the_chain(self) -> None:
        chains = json.dumps({"a": ["b"]})
        running = self.bridge("a", "b", UPSTREAM_RETRIES="1", FALLBACK_MODEL_MAP_JSON=chains)
        self.provider.then(DOWN, DOWN, text("Hello"))
        running.client.turn({**WHOLE, "model": "a"})
        self.assertEqual(self.asked(), ["up-a", "up-a", "up-b"])


class Rooms(Upstream):
    def test_a_model_has_its_own_limit_and_the_rest_waits(self) -> None:
        running = self.bridge("a", "b", MODEL_CONCURRENCY_JSON='{"up-a":1}')
        self.provider.then(Reply((delta(content="x"), Pause(0.4), *text("y").pieces)))
        self.provider.then(text("b"), text("a"))
        with (
            running.client.stream({**STREAM, "model": "a"}) as events,
            ThreadPoolExecutor() as pool,
        ):
            self.assertTrue(until(lambda: len(self.provider.requests) == 1))
            second = pool.submit(running.client.turn, {**WHOLE, "model": "a"})
            time.sleep(0.1)  # Were there no limit, it would be asked by now.
            self.assertEqual(running.client.turn({**WHOLE, "model": "b"}).status, 200)
            list(events)
            self.assertEqual(second.result().status, 200)
        self.assertEqual(self.asked(), ["up-a", "up-b", "up-a"])

    def test_who_finds_the_queue_full_is_refused_at_once(self) -> None:
        limits = {"MAX_GLOBAL_UPSTREAM_CONCURRENCY": "1", "UPSTREAM_QUEUE_MAX": "0"}
        running = self.bridge(**limits)
        self.provider.then(Reply((delta(content="x"), Pause(9))))
        with running.client.stream(STREAM):
            self.assertTrue(until(lambda: len(self.provider.requests) == 1))
            answer = running.client.turn(WHOLE)
        self.assertEqual((answer.status, answer.error["code"]), (429, "rate_limit_exceeded"))
        self.assertIn("try again in", answer.error["message"])

    def test_who_waits_for_a_model_takes_a_place_of_the_one_queue(self) -> None:
        at_once = '{"up-a":1,"up-b":1}'
        running = self.bridge("a", "b", MODEL_CONCURRENCY_JSON=at_once, UPSTREAM_QUEUE_MAX="1")
        self.provider.always = Reply((delta(content="x"), Pause(0.5), *text("y").pieces))
        with ThreadPoolExecutor() as pool:
            for model in ("a", "b", "a"):
                pool.submit(running.client.turn, {**WHOLE, "model": model})
            self.assertTrue(until(lambda: running.workshop.shop.health()["concurrency"]["waiting"]))
            told = running.client.get("/health").json["concurrency"]
            self.assertEqual((told["in_use"], told["waiting"]), (2, 1))
            self.assertEqual(running.client.turn({**WHOLE, "model": "b"}).status, 429)


class Breakers(Upstream):
    def test_what_is_passed_on_has_one_too(self) -> None:
        self.provider.checks = False
        running = self.bridge(CIRCUIT_BREAKER_ERRORS="1")
        self.provider.then(DOWN)
        for _ in range(2):
            answer = running.client.turn({**WHOLE, "model": "relayed"})
            self.assertEqual((answer.status, answer.error["code"]), (503, "server_is_overloaded"))
        self.assertIn("left alone", answer.error["message"])

    def test_names_that_callers_make_up_are_forgotten(self) -> None:
        with bridge(self.project, None, **OPENAI) as running:
            for number in range(BREAKERS_MAX + 5):
                running.workshop.shop.relay(running.workshop.registry.resolve(f"gpt-{number}"))
            health = running.workshop.shop.health()["model_health"]
        self.assertEqual(len(health), BREAKERS_MAX)
        self.assertIn(f"gpt-{BREAKERS_MAX + 4}", health)

    def test_a_model_that_fails_is_left_alone_until_one_probe(self) -> None:
        running = self.bridge(CIRCUIT_BREAKER_ERRORS="1", CIRCUIT_BREAKER_COOLDOWN="1")
        self.provider.then(DOWN)
        self.assertEqual(running.client.turn(WHOLE).status, 503)
        self.provider.always = text("Hello")
        answer = running.client.turn(WHOLE)
        self.assertEqual((answer.status, answer.error["code"]), (503, "server_is_overloaded"))
        self.assertIn("left alone", answer.error["message"])
        self.assertEqual(len(self.provider.requests), 1)
        self.assertTrue(until(lambda: running.client.turn(WHOLE).status == 200, 3))


class Times(Upstream):
    def test_each_limit_is_told_by_its_name_and_value(self) -> None:
        slow = Reply(tuple(part for _ in range(30) for part in (delta(content="x"), Pause(0.2))))
        replies = {
            "UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS": text("x").after(5),
            "UPSTREAM_IDLE_TIMEOUT_SECONDS": Reply((delta(content="x"), Pause(5))),
            "UPSTREAM_STREAM_MAX_SECONDS": slow,
        }

        def reply(asked: Asked) -> Reply:
            return replies[asked.messages[-1]["content"]]

        def ask(name: str) -> tuple[str, Answer]:
            others = dict.fromkeys(replies, "3")
            running = self.bridge(**{**others, name: "1"})
            return name, running.client.turn({**WHOLE, "input": name})

        self.provider.always = reply
        with ThreadPoolExecutor() as pool:
            for name, answer in pool.map(ask, replies):
                told = (answer.status, answer.error["code"])
                self.assertEqual(told, (504, "server_error"), name)
                self.assertIn(f"1 s ({name})", answer.error["message"])
        self.assertEqual(len(self.provider.requests), 3)

    def test_a_call_in_one_piece_and_a_connection_have_theirs(self) -> None:
        self.provider.then(whole_json("x").after(5))
        with full_backlog() as port, ThreadPoolExecutor() as pool:
            name = "UPSTREAM_CONNECT_TIMEOUT_SECONDS"
            at = {"provider": "openai_compatible", "base_url": f"http://127.0.0.1:{port}/v1"}
            nobody = self.bridge(**{name: "1", "PROFILES_JSON": json.dumps({"scripted": at})})
            whole = self.bridge(UPSTREAM_STREAM="0", UPSTREAM_TIMEOUT_SECONDS="1")
            answers = pool.map(lambda running: running.client.turn(WHOLE), (nobody, whole))
            for setting, answer in zip((name, "UPSTREAM_TIMEOUT_SECONDS"), answers, strict=True):
                self.assertEqual(answer.status, 504)
                self.assertIn(f"1 s ({setting})", answer.error["message"])

    @unittest.skipUnless(LONG, "5 s: the least that this setting allows")
    def test_the_time_to_begin(self) -> None:
        running = self.bridge(REQUEST_DEADLINE_SECONDS="5")
        self.provider.then(text("x").after(8))
        answer = running.client.turn(WHOLE)
        self.assertEqual(answer.status, 504)
        self.assertIn("5 s (REQUEST_DEADLINE_SECONDS)", answer.error["message"])


class Learning(Upstream):
    def test_a_wire_outlives_the_bridge_and_a_refused_field_does_not(self) -> None:
        wrong = failure(400, {"error": {"message": "not supported for format oa-compat"}})
        field = failure(400, {"error": {"message": "Unsupported parameter: top_p"}})
        said = {"type": "message", "content": [{"type": "text", "text": "Hi"}], "usage": {}}
        hi = Reply((json.dumps(said).encode(),), 200, {"content-type": "application/json"})
        asked = {**WHOLE, "top_p": 0.5}
        self.provider.checks = False
        self.provider.then(wrong, field, hi, hi, field, hi)
        first = self.bridge(UPSTREAM_STREAM="0")
        for _ in range(2):
            self.assertEqual(first.client.turn(asked).json["oss_receipt"]["wire"], "anthropic")
        learned = {"wires": {"up-scripted": "anthropic"}}
        fields = {"dropped_fields": {"up-scripted": ["top_p"]}}
        self.assertEqual(first.client.get("/health").json["learned"], learned | fields)
        again = self.bridge(UPSTREAM_STREAM="0")
        self.assertEqual(again.client.get("/health").json["learned"]["wires"], learned["wires"])
        again.client.turn(asked)
        requests = [(r.path.split("/")[-1], "top_p" in r.body) for r in self.provider.requests]
        self.assertEqual(
            requests,
            [
                ("completions", True),
                ("messages", True),
                ("messages", False),
                ("messages", False),
                ("messages", True),
                ("messages", False),
            ],
        )


if __name__ == "__main__":
    unittest.main()
