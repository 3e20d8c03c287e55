"""Who may talk to us: Host, Origin, key, type, in this order; and the proof of who we are."""

import hashlib
import hmac
import unittest

from support import ROOT  # noqa: F401  Puts the checkout on the path.

from codex_oss.errors import BridgeError
from codex_oss.server import Gate, health_proof
from codex_oss.server.gate import check_media
from codex_oss.server.head import RequestHead

KEY = "sk-oss-key"
GOOD = {"host": "127.0.0.1:4000", "authorization": f"Bearer {KEY}"}
JSON = {"content-type": "application/json"}
GATE = Gate(KEY, 4000, ("bridge.test:443",))


def head(method: str = "GET", path: str = "/v1/models", **headers: str) -> RequestHead:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestHead(method, path, "", GOOD | named, False, 0, False)


class GateOfALoopbackServer(unittest.TestCase):
    def assert_passes(self, *heads: RequestHead, gate: Gate = GATE) -> None:
        for good in heads:
            with self.subTest(good):
                gate.check(good)

    def assert_refused(self, status: int, *heads: RequestHead, gate: Gate = GATE) -> None:
        for bad in heads:
            with self.subTest(bad), self.assertRaises(BridgeError) as refusal:
                gate.check(bad)
            self.assertEqual(refusal.exception.http_status, status, bad)

    def test_the_loopback_names_with_our_port_and_listed_hosts_pass(self) -> None:
        hosts = (
            "127.0.0.1:4000",
            "localhost:4000",
            "LocalHost:4000",
            "[::1]:4000",
            "bridge.test:443",
        )
        self.assert_passes(*(head(host=host) for host in hosts))

    def test_any_other_host_is_misdirected(self) -> None:
        hosts = (
            "", "127.0.0.1", "127.0.0.1:4001", "127.0.0.1:04000", "127.0.0.1:4000.", "::1:4000",
            "evil.test:4000", "bridge.test:4000", "bridge.test", "127.0.0.1:4000, 127.0.0.1:4000",
            "localhost:4000@evil.test", "127.0.0.2:4000", "0.0.0.0:4000",
        )  # fmt: skip
        self.assert_refused(421, *(head(host=host) for host in hosts))

    def test_port_80_needs_no_number(self) -> None:
        at_80 = Gate(KEY, 80)
        self.assert_passes(head(host="localhost"), head(host="127.0.0.1:80"), gate=at_80)
        self.assert_refused(421, head(host="evil.test"), gate=at_80)

    def test_web_pages_are_kept_out_with_or_without_a_key(self) -> None:
        self.assert_refused(
            403,
            head(origin="null"),
            head(origin=""),
            head(origin="http://127.0.0.1:4000"),
            head(sec_fetch_site="cross-site"),
            head(sec_fetch_site="same-site"),
            head(path="/healthz", origin="https://evil.test"),
            head(authorization="", origin="https://evil.test"),
        )
        self.assert_passes(head(sec_fetch_site="none"), head(sec_fetch_site="same-origin"))

    def test_the_host_is_checked_before_the_origin(self) -> None:
        self.assert_refused(421, head(host="evil.test", origin="null", authorization=""))

    def test_only_the_whole_key_passes(self) -> None:
        wrong = (
            "", KEY, "Bearer", "Bearer ", f"Bearer  {KEY}", f"Bearer {KEY} ", f"Bearer {KEY}x",
            f"Bearer {KEY[:-1]}", f"Basic {KEY}", f"Bearer {KEY}, Bearer {KEY}", "Bearer \u00e9",
            "Bearer sk-local-codex-bridge",
        )  # fmt: skip
        self.assert_refused(401, *(head(authorization=value) for value in wrong))
        self.assert_passes(head(authorization=f"bearer {KEY}"))

    def test_known_and_unknown_paths_and_methods_are_refused_alike(self) -> None:
        said = set()
        for method, path in (("GET", "/v1/models"), ("POST", "/nowhere"), ("OPTIONS", "/")):
            with self.assertRaises(BridgeError) as refusal:
                GATE.check(head(method, path, authorization=""))
            said.add((refusal.exception.code, refusal.exception.message, refusal.exception.hint))
        self.assertEqual(len(said), 1)

    def test_health_is_asked_without_a_key(self) -> None:
        self.assert_passes(*(head(path=p, authorization="") for p in ("/healthz", "/readyz")))
        self.assert_refused(401, head(path="/health", authorization=""))

    def test_the_proof_is_the_documented_hmac(self) -> None:
        text = b"codex-oss-health-v1\n" + b"0f" * 16 + b"\n4000"
        expected = hmac.new(KEY.encode(), text, hashlib.sha256).hexdigest()
        self.assertEqual(health_proof(KEY, "0f" * 16, 4000), expected)
        self.assertEqual(GATE.proof("0f" * 16), expected)
        self.assertNotEqual(health_proof(KEY, "0f" * 16, 4001), expected)

    def test_there_is_no_gate_without_a_key_and_no_key_in_its_repr(self) -> None:
        with self.assertRaises(AssertionError):
            Gate("")
        self.assertNotIn(KEY, repr(GATE))


class MediaTypes(unittest.TestCase):
    def test_json_in_utf_8_passes(self) -> None:
        for value in (
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
        ):
            check_media(head("POST", content_type=value, content_encoding="identity"))
        check_media(head("GET"))
        check_media(head("DELETE", content_type="text/plain"))

    def test_everything_else_is_unsupported(self) -> None:
        for headers in (
            {},
            {"content_type": "text/plain"},
            {"content_type": "application/jsonp"},
            {"content_type": "application/json, application/json"},
            {"content_type": "application/json; charset=latin-1"},
            {"content_type": "application/x-www-form-urlencoded"},
            {"content_type": "application/json", "content_encoding": "gzip"},
            {"content_type": "application/json", "content_encoding": ""},
        ):
            with self.subTest(headers), self.assertRaises(BridgeError) as refusal:
                check_media(head("POST", **headers))
            self.assertEqual(refusal.exception.http_status, 415)


if __name__ == "__main__":
    unittest.main()
