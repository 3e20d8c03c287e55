"""What a provider's failure means: each row of bridge 14 with the words that providers use."""

import json
import unittest
from datetime import UTC, datetime

from support import LONG, chance

from codex_oss.errors import (
    ContextTooLong,
    QuotaExhausted,
    RateLimited,
    UpstreamAuth,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRejected,
)
from codex_oss.upstream.failures import SENTENCE_CHARS_MAX, failure_of, wait_seconds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def failure(status: int, said: object = "", **headers: str) -> UpstreamError:
    body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    return failure_of(
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        body,
        provider="acme",
        key_env="ACME_KEY",
        redact=lambda text: text.replace("sk-secret", "[redacted]"),
        now=NOW,
    )


def error(message: str, **more: object) -> dict:
    return {"error": {"message": message, **more}}


ROWS = (  # Status, what the provider says, the error, its code.
    (413, "", ContextTooLong, "context_length_exceeded"),
    (400, error("This model's maximum context length is 8192 tokens."), ContextTooLong, None),
    (400, error("no", code="context_length_exceeded"), ContextTooLong, None),
    (422, {"detail": [{"msg": "prompt is too long: 9 > 8"}]}, ContextTooLong, None),
    (500, error("input exceeds the context window"), ContextTooLong, None),
    (400, error("input length 9 exceeds 8"), ContextTooLong, None),
    (400, error("temperature must be at most 2"), UpstreamRejected, "invalid_prompt"),
    (422, {"message": "bad schema"}, UpstreamRejected, "invalid_prompt"),
    (405, "", UpstreamRejected, "invalid_prompt"),
    (302, "", UpstreamRejected, "invalid_prompt"),
    (401, error("bad key"), UpstreamAuth, "upstream_auth"),
    (403, error("forbidden"), UpstreamAuth, "upstream_auth"),
    (402, error("pay first"), QuotaExhausted, "insufficient_quota"),
    (429, error("You exceeded your current quota"), QuotaExhausted, "insufficient_quota"),
    (429, error("slow", type="insufficient_quota"), QuotaExhausted, "insufficient_quota"),
    (429, error("Rate limit reached. Please try again in 2h5m."), QuotaExhausted, None),
    (429, error("Too many requests"), RateLimited, "rate_limit_exceeded"),
    (503, "<html><title>503</title></html>", UpstreamOverloaded, "server_is_overloaded"),
    (529, error("Overloaded"), UpstreamOverloaded, "server_is_overloaded"),
    (404, error("nothing here"), UpstreamRejected, "model_not_found"),
    (400, error("The model `x` does not exist"), UpstreamRejected, "model_not_found"),
    (500, error("oops"), UpstreamError, "server_error"),
    (502, "", UpstreamError, "server_error"),
    (408, "", UpstreamError, "server_error"),
    (409, "", UpstreamError, "server_error"),
    (425, "", UpstreamError, "server_error"),
    (200, error("busy", code=503), UpstreamOverloaded, "server_is_overloaded"),
    (200, error("x", type="rate_limit_error"), RateLimited, "rate_limit_exceeded"),
    (200, error("x", code="context_length_exceeded"), ContextTooLong, None),
    (200, error("x", type="invalid_request_error"), UpstreamRejected, "invalid_prompt"),
    (200, error("x", type="authentication_error"), UpstreamAuth, "upstream_auth"),
    (200, error("something broke"), UpstreamError, "server_error"),
)

WAITS = (  # Headers, words, seconds.
    ({"retry-after": "7"}, "", 7.0),
    ({"retry-after": "0.5"}, "", 0.5),
    ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, "", 30.0),
    ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, "", 0.0),
    ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
    ({"retry-after": "soon"}, "try again in 3s", None),
    ({"retry-after": "inf"}, "", None),
    ({"retry-after": "-4"}, "", None),
    ({}, "please try again in 1.242s.", 1.242),
    ({}, "please try again in 6m0s", 360.0),
    ({}, "please retry after 20 seconds", 20.0),
    ({}, "limit resets in 2 hours 5 minutes", 7500.0),
    ({}, "try again in 250ms", 0.25),
    ({}, "try again later", None),
)


class Failures(unittest.TestCase):
    def test_every_row_of_the_table(self) -> None:
        for status, said, expected, code in ROWS:
            with self.subTest(status=status, said=said):
                found = failure(status, said)
                self.assertIs(type(found), expected)
                self.assertEqual(found.code, code or expected.code)

    def test_every_form_in_which_a_provider_says_when(self) -> None:
        for headers, words, seconds in WAITS:
            with self.subTest(headers=headers, words=words):
                self.assertEqual(wait_seconds(headers, words, NOW), seconds)

    def test_a_wait_of_a_minute_is_a_rate_limit_and_one_second_more_a_quota(self) -> None:
        self.assertIs(type(failure(429, "", retry_after="60")), RateLimited)
        self.assertIs(type(failure(429, "", retry_after="61")), QuotaExhausted)

    def test_a_rate_limit_says_when_in_the_words_that_codex_reads(self) -> None:
        limited = failure(429, error("slow down"), retry_after="1.2")
        self.assertEqual(
            (limited.message, limited.retry_after_seconds),
            ("acme limits the rate: slow down. Please try again in 2s.", 2),
        )
        self.assertIn("Please try again in 5s.", failure(429, "").message)

    def test_a_quota_says_when_it_resets(self) -> None:
        used_up = failure(429, error("weekly limit"), retry_after="7500")
        self.assertEqual(
            used_up.message,
            "quota of acme used up, resets at 14:05 UTC (in 2 h 5 min): weekly limit",
        )

    def test_a_refused_key_names_the_variable(self) -> None:
        self.assertIn("ACME_KEY", failure(401, error("no")).hint)

    def test_the_sentence_is_redacted_before_it_is_cut_and_stands_on_one_line(self) -> None:
        said = "bad\r\nkey " + "x" * (SENTENCE_CHARS_MAX - 16) + " sk-secret"
        message = failure(400, error(said)).message
        self.assertNotIn("sk-s", message)
        self.assertNotIn("\n", message)
        self.assertLessEqual(len(message), SENTENCE_CHARS_MAX + 40)

    def test_a_page_or_a_deep_document_gives_no_sentence_and_no_trouble(self) -> None:
        for body in (
            "<html>Bad gateway</html>",
            "[" * 60_000,
            '{"error":' * 9_000,
            "\x00\xff",
            "{}",
        ):
            with self.subTest(body[:10]):
                self.assertLess(len(failure(502, body).message), 400)

    def test_any_status_and_any_body_give_one_short_line(self) -> None:
        random = chance("bodies")
        words = [str(said) for _, said, _, _ in ROWS] + ["{", '"', "\\u12", "\r\n", "\ud800", "é"]
        for _ in range(20_000 if LONG else 500):
            body = "".join(random.choices(words, k=random.randrange(6)))
            found = failure(random.randrange(200, 600), body.encode("utf-8", "replace").decode())
            self.assertLessEqual(len(found.message), 600)
            self.assertEqual(len(found.message.splitlines()), 1)

    def test_no_status_is_made_up_for_a_failure_inside_a_good_reply(self) -> None:
        self.assertEqual(failure(200, error("it broke")).message, "acme failed: it broke")

    def test_plain_text_is_the_sentence(self) -> None:
        self.assertEqual(failure(500, "no  luck\n").message, "acme failed with status 500: no luck")


if __name__ == "__main__":
    unittest.main()
