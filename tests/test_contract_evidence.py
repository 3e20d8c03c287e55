"""References: one spelling each, and nothing else is one."""

import unittest

from support import LONG, chance

from codex_oss.contract import EvidenceRef, Span, parse_ref

FORMS = {
    "file:bridge.py#extract:1": EvidenceRef("bridge.py", 1),
    "file:a/b.py#extract:2@L88-L96": EvidenceRef("a/b.py", 2, None, 0, False, 88, 96),
    "file:caf\u00e9/[id].ts#extract:1": EvidenceRef("caf\u00e9/[id].ts", 1),
    "file:a%20b%23c%25.py#extract:1": EvidenceRef("a b#c%.py", 1),
    "command:0": EvidenceRef(command=0),
    "command:3#match:2": EvidenceRef(command=3, match=2),
    "command:4#zero_match": EvidenceRef(command=4, zero_match=True),
}
SAME = {
    " file:bridge.py#extract:1@L5 ": "file:bridge.py#extract:1@L5-L5",
    "file:bridge.py#extract:1@L9-4": "file:bridge.py#extract:1@L4-L9",
    "file:a%2Fb.py#extract:1": "file:a/b.py#extract:1",
}
NO_REFERENCE = (
    *("", "bridge.py:3", "file:bridge.py", "file:#extract:1", "file:a b.py#extract:1"),
    *("file:a.py#extract:0", "file:a.py#extract:1@3", "file:a.py#extract:1@L0", "command:"),
    *("command:-1", "command:1#match:0", "command:1#zero_match#match:1", "Command:1"),
    "file:a.py#extract:1 and command:2",
)


class References(unittest.TestCase):
    def test_every_form_is_read_and_written(self) -> None:
        self.assertEqual({text: parse_ref(text) for text in FORMS}, FORMS)
        self.assertEqual([str(ref) for ref in FORMS.values()], list(FORMS))

    def test_other_spellings_have_the_same_normal_form(self) -> None:
        self.assertEqual({text: str(parse_ref(text)) for text in SAME}, SAME)

    def test_what_is_no_reference_is_none(self) -> None:
        self.assertEqual([text for text in NO_REFERENCE if parse_ref(text)], [])

    def test_any_path_comes_back(self) -> None:
        random = chance()
        for _ in range(20_000 if LONG else 2_000):
            path = "".join(random.choices('a/.%#@ \t\n\u00a0\u2028\u00e9\x7f\\"<L1-', k=8))
            ref = EvidenceRef(path, random.randrange(1, 9), None, 0, False, 3, 4)
            self.assertEqual(parse_ref(str(ref)), ref, ascii(path))

    def test_a_span_knows_when_it_is_the_whole_file(self) -> None:
        whole = Span("a", 1, 9, 9, "", "")
        self.assertEqual(
            (whole.is_whole_file, Span("a", 2, 9, 9, "", "").is_whole_file), (True, False)
        )


if __name__ == "__main__":
    unittest.main()
