"""The bytes of a line: one spelling, every fault by its name, long texts and lists beside it."""

import json
import unittest
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256

from support.facts import lines, observed, replied, requested, short_run

from codex_oss.chat import FunctionCall
from codex_oss.contract import Match
from codex_oss.record import (
    LINE_BYTES_MAX,
    ActionRejected,
    Event,
    Fact,
    Line,
    LineFault,
    Place,
    RuntimeProgressEmitted,
    UnknownFact,
    canonical,
    decode,
    encode,
    to_fact,
    to_payload,
)

AT = "2026-01-02T00:00:00.000+00:00"
LOST = "sha256:" + "0" * 64
FIRST, SECOND = list(lines(short_run()[:2]))


def no_blob(digest: str, private: bool) -> str:
    raise LineFault(f"blob_missing:{digest}")


def rewritten(**changes: object) -> bytes:
    """Return the second line with other members, and a hash that fits."""
    body = json.loads(SECOND.data) | changes
    body = {k: v for k, v in body.items() if v is not None and k != "event_hash"}
    return respelled(canonical(body))


def respelled(unhashed: bytes) -> bytes:
    """Return a line of this spelling, with the hash of exactly these bytes."""
    head, member, rest = unhashed.partition(b',"event_id":')
    digest = sha256(unhashed).hexdigest()
    return head + b',"event_hash":"sha256:' + digest.encode() + b'"' + member + rest + b"\n"


def payload(**changes: object) -> dict[str, object]:
    found = json.loads(SECOND.data)["payload"] | changes
    return {key: value for key, value in found.items() if value is not None}


class Faults(unittest.TestCase):
    def rule(self, line: bytes, before: Event | None = FIRST.event) -> str:
        with self.assertRaises(LineFault) as caught:
            decode(line, before, no_blob)
        return caught.exception.rule

    def test_each_fault_is_named(self) -> None:
        good = SECOND.data
        cases: Mapping[str, bytes] = {
            "event_json_invalid": good[:-9] + b"\n",
            "event_hash_mismatch": good.replace(b'"call":1', b'"call":2'),
            "not_canonical": good.replace(b'"call":1', b'"call": 1'),
            "seq_mismatch": rewritten(seq=3),
            "prev_hash_mismatch": rewritten(prev_hash=""),
            "run_id_mismatch": rewritten(run_id="run_other"),
            "elapsed_ms_falls": b"",
            "created_at_timezone_missing": rewritten(created_at=AT[:-6]),
            "unsupported_source_kind:me": rewritten(source_kind="me"),
            "unsupported_authority:mine": rewritten(authority="mine"),
            "unsupported_schema:mission_event.x": rewritten(schema_version="mission_event.x"),
            "payload_type:payload": rewritten(payload=[]),
            "payload_missing:call": rewritten(payload=payload(call=None)),
            "payload_type:call": rewritten(payload=payload(call="1")),
            "payload_type:attempt": rewritten(payload=payload(attempt=True)),
        }
        for rule, line in cases.items():
            if line:
                with self.subTest(rule):
                    self.assertEqual(self.rule(line), rule)
        later = replace(FIRST.event, elapsed_ms=9_000)
        self.assertEqual(self.rule(SECOND.data, later), "elapsed_ms_falls")

    def test_other_ways_to_be_wrong(self) -> None:
        good = SECOND.data
        cases: Mapping[str, tuple[bytes, str]] = {
            "no line end": (good[:-1], "event_json_invalid"),
            "two line ends": (good + b"\n", "event_json_invalid"),
            "CRLF": (good[:-1] + b"\r\n", "event_json_invalid"),
            "two objects": (good[:-1] + b"{}\n", "event_json_invalid"),
            "a list": (b"[]\n", "event_json_invalid"),
            "nothing": (b"\n", "event_json_invalid"),
            "no UTF-8": (good.replace(b"rehearsal", b"\xff", 1), "event_json_invalid"),
            "too deep": (b'{"a":' * 9_999 + b"1" + b"}" * 9_999 + b"\n", "event_json_invalid"),
            "a float": (rewritten(payload=payload(call=1.5)), "not_canonical"),
            "a missing name": (rewritten(run_id=None), "run_id_mismatch"),
            "a nameless event": (rewritten(event_id="evt_2"), "seq_mismatch"),
            "a wrong item": (rewritten_replied(tool_calls=["x"]), "payload_type:tool_calls"),
            "a lost blob": (rewritten_replied(text=reference()), f"blob_missing:{LOST}"),
        }  # fmt: skip
        for what, (line, rule) in cases.items():
            with self.subTest(what):
                self.assertEqual(self.rule(line), rule)

    def test_a_first_line_needs_its_names(self) -> None:
        body = json.loads(FIRST.data)
        del body["event_hash"]
        body["mission_id"] = 7
        self.assertEqual(self.rule(respelled(canonical(body)), None), "run_id_mismatch")

    def test_strings_in_lists_are_strings(self) -> None:
        with self.assertRaises(LineFault) as caught:
            to_fact("PhaseChanged", {"from": "a", "to": "b", "cause": "c", "refs": ["x", 1]})
        self.assertEqual(caught.exception.rule, "payload_type:refs")


def reference() -> dict[str, object]:
    return {"blob": LOST, "bytes": 1, "preview": "", "private": False}


def rewritten_replied(**changes: object) -> bytes:
    body = to_payload(replied(1)) | changes
    return rewritten(event_type="ModelReplied", payload=body)


class RoundTrip(unittest.TestCase):
    def placed(self, fact: Fact, **more: object) -> Line:
        return encode(
            fact, Place(FIRST.event, FIRST.event.run_id, FIRST.event.mission_id, AT, 5), **more
        )  # type: ignore[arg-type]

    def check(self, fact: Fact) -> Line:
        """Write a fact, read it back as a stranger, and return its line."""
        line = self.placed(fact)
        blobs = {blob.sha256: blob.data.decode() for blob in line.blobs}
        self.assertEqual(
            decode(line.data, FIRST.event, lambda digest, _: blobs[digest]), line.event
        )
        self.assertLessEqual(len(line.data), LINE_BYTES_MAX)
        self.assertEqual(line.event.line_bytes, len(line.data))
        self.assertEqual(line.event.blob_bytes, sum(len(blob.data) for blob in line.blobs))
        return line

    def test_long_texts_and_lists_stand_beside_the_line(self) -> None:
        calls = tuple(
            FunctionCall(f"c{n}", "rtk_read", '{"path": "\\"' + "x" * 900) for n in range(400)
        )
        matches = tuple(Match("src/a.py", n, '"\\' * 2_000, "e" * 64, "f" * 64) for n in range(500))
        facts: tuple[Fact, ...] = (
            observed("c", "1: é\n" * 40_000),
            replace(observed("c"), matches=matches),
            replied(1, *calls),
            replied(1, FunctionCall("c", "x", "y" * 900_000), text="z" * 900_000),
            UnknownFact("Tomorrow", {"x": ["y"]}),
        )
        for fact in facts:
            with self.subTest(type(fact).__name__):
                self.assertEqual(self.check(fact).event.fact, fact)

    def test_reasoning_is_always_a_private_blob(self) -> None:
        line = self.check(replace(replied(1), reasoning="hm"))
        self.assertEqual([(b.data, b.private) for b in line.blobs], [(b"hm", True)])
        self.assertNotIn(b'"hm"', line.data)

    def test_what_cannot_be_spelled_is_mended_and_remembered_so(self) -> None:
        fact = ActionRejected(1, "c", "bad_json", "near '\ud800'", "\udfff", "", 1)
        event = self.check(fact).event.fact
        self.assertEqual(event, replace(fact, message="near '\ufffd'", excerpt="\ufffd"))

    def test_what_is_redacted_is_remembered_redacted(self) -> None:
        def hide(found: dict[str, object]) -> dict[str, object]:
            return {key: "[redacted]" if key == "text" else item for key, item in found.items()}

        line = self.placed(RuntimeProgressEmitted("waiting", "hunter2"), redact=hide)
        self.assertEqual(line.event.fact, RuntimeProgressEmitted("waiting", "[redacted]"))
        self.assertNotIn(b"hunter2", line.data)

    def test_what_no_reader_would_take_is_not_written(self) -> None:
        fact = replace(requested(1), call=1.5)  # type: ignore[arg-type]
        with self.assertRaises(LineFault):
            self.placed(fact)

    def test_a_newer_version_is_kept_and_not_understood(self) -> None:
        body = json.loads(SECOND.data) | {"schema_version": "mission_event.v2"}
        del body["event_hash"]
        event = decode(respelled(canonical(body)), FIRST.event, no_blob)
        self.assertEqual(event.fact, UnknownFact("ModelRequested", body["payload"]))

    def test_more_members_than_known_are_no_fault(self) -> None:
        event = decode(rewritten(payload=payload(x_more=[1])), FIRST.event, no_blob)
        self.assertEqual(event.fact, SECOND.event.fact)


class OneSpelling(unittest.TestCase):
    def test_every_line_is_its_canonical_bytes(self) -> None:
        for line in lines(short_run()):
            body = json.loads(line.data)
            self.assertEqual(canonical(body) + b"\n", line.data)
            digest = body.pop("event_hash")
            self.assertEqual("sha256:" + sha256(canonical(body)).hexdigest(), digest)

    def test_any_other_spelling_is_damage(self) -> None:
        respellings: Mapping[str, Callable[[bytes], bytes]] = {
            "a blank": lambda raw: raw.replace(b'":', b'": ', 1),
            "escapes": lambda raw: raw.replace(b"rehearsal", b"rehears\\u0061l", 1),
            "another order": lambda raw: raw.replace(
                b'"attempt":1,"call":1', b'"call":1,"attempt":1'
            ),
        }  # fmt: skip
        for what, respell in respellings.items():
            with self.subTest(what), self.assertRaises(LineFault) as caught:
                self.assertNotEqual(respell(SECOND.data), SECOND.data)
                decode(respell(SECOND.data), FIRST.event, no_blob)
            self.assertEqual(caught.exception.rule, "not_canonical")


if __name__ == "__main__":
    unittest.main()
