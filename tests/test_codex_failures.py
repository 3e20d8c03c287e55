"""What each Codex does with a failure: the facts that our choice of statuses and codes rests on.

The server plays the same reply to every try, so that the number of its requests tells whether
Codex tries again. A row that no longer holds names a version whose handling changed: then the
error table of the bridge has to be looked at. All versions play with `--long`, else the newest.
"""

import json
import unittest
from dataclasses import dataclass

from support import CODEX_VERSIONS, LONG, needs, scratch
from support.codex import Ran, codex
from support.providers import Reply, ScriptedProvider, failure

OURS = "Our own sentence, try again in 0.4s."
FULL = "Codex ran out of room in the model's context window. Start a new thread or clear earlier"
QUOTA = "Quota exceeded. Check your plan and billing details."
CAPACITY = "Selected model is at capacity. Please try a different model."
UPGRADE = "To use Codex with your ChatGPT plan, upgrade to Plus"
INCOMPLETE = "Incomplete response returned, reason: "
CUT = "stream disconnected before completion: "
PLAYED = CODEX_VERSIONS if LONG else CODEX_VERSIONS[-1:]
NONE: tuple[str, ...] = ()
SINCE_0160 = CODEX_VERSIONS[4:]
BEFORE_0169 = CODEX_VERSIONS[:5]


@dataclass(frozen=True)
class Row:
    """A reply, the versions that ask again, and how what the user reads begins."""

    name: str
    reply: Reply
    again: tuple[str, ...]
    reads: str
    since: str = "never"
    then: str = ""  # What it reads from version `since` on.

    def read_on(self, version: str) -> str:
        return self.then if version >= self.since else self.reads


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def response(**fields: object) -> dict[str, object]:
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    return {**base, "status": "in_progress", **fields}


def stream(*events: bytes) -> Reply:
    head = event("response.created", response=response())
    return Reply((head, *events, b"data: [DONE]\n\n"))


def failed(code: str) -> bytes:
    fault = {"code": code, "message": OURS}
    return event("response.failed", response=response(status="failed", error=fault))


def incomplete(reason: str) -> bytes:
    details = {"reason": reason}
    changed = response(status="incomplete", incomplete_details=details)
    return event("response.incomplete", response=changed)


def refused(status: int, **headers: str) -> Reply:
    fault = {"message": OURS, "type": "server_error", "param": None, "code": "some_code"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return failure(status, {"error": fault}, named)


def item(**fields: object) -> dict[str, object]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": [], **fields}


BEGUN = (
    event("response.output_item.added", output_index=0, item=item(status="in_progress")),
    event("response.output_text.delta", output_index=0, item_id="msg_1", delta="Half a"),
)
SAID = [{"type": "output_text", "text": "A whole sentence.", "annotations": []}]
DONE = event("response.output_item.done", output_index=0, item=item(content=SAID))
STATUSES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
    426: "Upgrade Required",
    503: "Service Unavailable",
    529: "<unknown status code>",
}
LIMIT = "exceeded retry limit, last status: 429 Too Many Requests"
CODES = (
    Row("invalid_prompt", stream(failed("invalid_prompt")), NONE, OURS),
    Row("context_length_exceeded", stream(failed("context_length_exceeded")), NONE, FULL),
    Row("insufficient_quota", stream(failed("insufficient_quota")), NONE, QUOTA),
    Row("server_is_overloaded", stream(failed("server_is_overloaded")), NONE, CAPACITY),
    Row(
        "slow_down",
        stream(failed("slow_down")),
        SINCE_0160,
        CAPACITY,
        since="0.160.0",
        then=f"rate limit exceeded: {OURS}",
    ),
    Row("usage_not_included", stream(failed("usage_not_included")), NONE, UPGRADE),
    Row(
        "rate_limit_exceeded",
        stream(failed("rate_limit_exceeded")),
        CODEX_VERSIONS,
        CUT + OURS,
        since="0.160.0",
        then=f"rate limit exceeded: {OURS}",
    ),
    Row("server_error", stream(failed("server_error")), CODEX_VERSIONS, CUT + OURS),
    Row(
        "max_output_tokens",
        stream(incomplete("max_output_tokens")),
        BEFORE_0169,
        f"{CUT}{INCOMPLETE}max_output_tokens",
        since="0.169.0",
        then=f"{INCOMPLETE}max_output_tokens",
    ),
    Row(
        "content_filter",
        stream(incomplete("content_filter")),
        CODEX_VERSIONS,
        f"{CUT}{INCOMPLETE}content_filter",
    ),
    Row("no terminal", stream(), CODEX_VERSIONS, f"{CUT}stream closed before response.completed"),
)
REFUSALS = (
    Row("400", refused(400), NONE, refused(400).body.decode()),
    *(
        Row(str(status), refused(status), CODEX_VERSIONS, f"unexpected status {status} {name}")
        for status, name in STATUSES.items()
    ),
    Row("429", refused(429), NONE, LIMIT),
    Row("429 that says when", refused(429, retry_after="0"), CODEX_VERSIONS[5:], LIMIT),
    Row(
        "500",  # Never what is said beside it.
        refused(500),
        CODEX_VERSIONS,
        "We're currently experiencing high demand",
        since="0.160.0",
        then="We\u2019re currently experiencing high demand",
    ),
)


def played(version: str, reply: Reply) -> tuple[int, Ran]:
    """Return how often Codex asked, and what it did."""
    with scratch() as folder, ScriptedProvider(always=reply, checks=False) as server:
        project = folder / "project"
        project.mkdir()
        ran = codex(version, project, server.port, "Say something.")
        return len(server.requests), ran


@needs("codex")
class CodexAndFailures(unittest.TestCase):
    def check(self, rows: tuple[Row, ...]) -> None:
        for row in rows:
            for version in PLAYED:
                with self.subTest(row.name, codex=version):
                    requests, ran = played(version, row.reply)
                    reads = row.read_on(version)
                    self.assertEqual(requests, 2 if version in row.again else 1, ran.output)
                    self.assertEqual(ran.complaints[-1][: len(reads)], reads)
                    self.assertEqual(ran.exit_code, 1)

    def test_the_codes_of_a_failed_response(self) -> None:
        self.check(CODES)

    def test_a_status_instead_of_a_stream(self) -> None:
        self.check(REFUSALS)

    def test_text_that_was_not_done_is_not_kept(self) -> None:
        for version in PLAYED:
            with self.subTest(version):
                _, ran = played(version, stream(*BEGUN, failed("invalid_prompt")))
                self.assertEqual(ran.said, [])

    def test_an_item_that_was_done_stays_and_comes_again_with_each_try(self) -> None:
        for version in PLAYED:
            with self.subTest(version):
                _, ran = played(version, stream(*BEGUN, DONE, failed("server_error")))
                self.assertEqual(ran.said, ["A whole sentence."] * 2)


if __name__ == "__main__":
    unittest.main()
