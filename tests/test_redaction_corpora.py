"""Secrets that others collected: how many go, and how much else goes with them (missions 7).

Rules of gitleaks are held out: no pattern of ours is copied from them. Each rule spells secrets,
which stand in notations of files and code; those that the rule itself finds there must go.
"""

import json
import random
import unittest
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from support import DEV, LONG, chance, needs, scratch
from support.rules import Rule, read_rules, words_of_no_secret
from support.trees import plant

from codex_oss.redaction import Redactor

RECALL_MIN, LISTED_RECALL_MIN = 0.92, 0.99
SMALL_SAMPLE_RECALL_MIN = 0.85  # Of two texts a rule: three deviations below what all of them give.
WORDS_CHANGED_MAX = 0.05
VALUES = 4_000 if LONG else 300
RULES = DEV / "corpora/gitleaks.toml"
SECRETLINT_RECALL_MIN, SECRETLINT_FALSE_MAX = 0.90, 0.02

# `{n}` is a name of the rule's service, `{s}` the secret.
NOTATIONS = (
    "{n}_token={s}",
    "{n}_token = {s}",
    '{n}Token = "{s}"',
    "{n}Token='{s}'",
    "{n}_token: {s}",
    '{n}_token: "{s}"',
    "{n}_token: '{s}'",
    "{n}_token: |\n  {s}\n",
    "{n}_token: >-\n  {s}\n",
    '{{\n  "{n}_token": "{s}"\n}}',
    '"{{\\"{n}Token\\": \\"{s}\\"}}"',
    "<{n}Token>{s}</{n}Token>",
    "<{n}Token>\n  {s}\n</{n}Token>",
    'const {n}Token = "{s}";',
    'String {n}Token = "{s}";',
    'var {n}Token string = "{s}"',
    "{n}Token := `{s}`",
    '${n}Token .= "{s}";',
    '"{n}Token" => "{s}",',
    'export {n}_TOKEN="{s}"',
    '{n}_TOKEN ?= "{s}"',
    '{n}_TOKEN += "{s}"',
    "{n}Token,{s},",
    '+  {n}Token: "{s}",',
    "curl -H '{n}-Token: {s}' https://example.org",
)
NOTATIONS_SAMPLED = len(NOTATIONS) if LONG else 2

# What missions 7 names, as the rules are called.
LISTED = (
    *("1password", "age-", "anthropic", "atlassian", "aws", "azure", "databricks", "digitalocean"),
    *("gcp", "github", "gitlab", "grafana", "hashicorp", "huggingface", "jwt", "npm", "openai"),
    *("private-key", "pypi", "sendgrid", "shopify", "slack", "stripe", "telegram", "vault"),
)
NOT_SPELLED = {
    "private-key": "chance writes no marker of RFC 7468: tests/test_redaction_private_keys.py does",
    "kubernetes-secret-yaml": "chance writes no YAML: tests/test_redaction_placements.py does",
    "curl-auth-header": "chance writes no command: tests/test_redaction_placements.py does",
    "curl-auth-user": "chance writes no command: tests/test_redaction_placements.py does",
}


def samples(rule: Rule, dice: random.Random) -> list[tuple[str, str]]:
    """Return (text, secret): what the rule finds in the notations, else in texts of its own."""
    in_notations = (
        notation.format(n=dice.choice(rule.names), s=rule.secret(dice))
        for notation in dice.sample(NOTATIONS, len(NOTATIONS))
    )
    of_its_own = (rule.text(dice) for _ in NOTATIONS)
    return found_in(rule, in_notations) or found_in(rule, of_its_own)


def found_in(rule: Rule, texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = ((text, rule.secret_in(text)) for text in texts)
    return list(islice((pair for pair in pairs if pair[1]), NOTATIONS_SAMPLED))


class HeldOutRules(unittest.TestCase):
    @needs("gitleaks")
    def test_their_secrets_go(self) -> None:
        dice, redactor = chance(self.id()), Redactor(key=b"test")
        spelled: Counter[str] = Counter()
        shown: Counter[str] = Counter()
        rules = [r for r in read_rules(RULES) if r.id not in NOT_SPELLED]
        for rule in rules:
            for text, secret in samples(rule, dice):
                spelled[rule.id] += 1
                shown[rule.id] += secret in redactor.redact(text).text
        listed = {name: n for name, n in spelled.items() if name.startswith(LISTED)}
        recall = 1 - shown.total() / spelled.total()
        listed_recall = 1 - sum(shown[name] for name in listed) / sum(listed.values())
        print(
            f"gitleaks: {recall:.3f} of {spelled.total()} secrets of {len(spelled)} rules go,",
            end="",
        )
        print(f" {listed_recall:.3f} of {sum(listed.values())} of {len(listed)} named rules;")
        print(f"  most are shown of {[(name, n) for name, n in shown.most_common(12) if n]}")
        self.assertGreater(len(spelled), 200)
        self.assertGreaterEqual(recall, RECALL_MIN if LONG else SMALL_SAMPLE_RECALL_MIN)
        if LONG:
            self.assertGreaterEqual(listed_recall, LISTED_RECALL_MIN)


class WordsOfNoSecret(unittest.TestCase):
    @needs("gitleaks")
    def test_stay_however_they_are_joined(self) -> None:
        dice, redactor = chance(self.id()), Redactor(key=b"test")
        words = words_of_no_secret(RULES)
        changed = 0
        for _ in range(VALUES):
            chosen = dice.sample(words, dice.choice((2, 3)))
            camel = chosen[0] + "".join(map(str.capitalize, chosen[1:]))
            value = dice.choice((*(sign.join(chosen) for sign in "_-."), camel))
            text = dice.choice(NOTATIONS).format(n="db_secret_", s=value)
            changed += redactor.redact(text).text != text
        print(f"words: {changed} of {VALUES} values made of {len(words)} words are changed")
        self.assertLessEqual(changed, WORDS_CHANGED_MAX * VALUES)


class Snapshots(unittest.TestCase):
    @needs("secretlint")
    def test_what_secretlint_reports_goes_and_what_it_does_not_stays(self) -> None:
        # No package of a registry holds them: clone the repository to `.dev/corpora/secretlint`.
        found, blanked = measure_snapshots(DEV / "corpora/secretlint/packages")
        print(f"secretlint: {found[True]} of {found.total()} secrets go,", end="")
        print(f" {blanked[True]} of {blanked.total()} clean texts are changed")
        self.assertGreaterEqual(found[True], SECRETLINT_RECALL_MIN * found.total())
        self.assertLessEqual(blanked[True], SECRETLINT_FALSE_MAX * blanked.total())

    def test_snapshots_are_read_as_that_repository_keeps_them(self) -> None:
        key = "ghp_" + "".join(chance().choices("abcdefghijkmnpqrstuvwxyz23456789", k=36))
        found = {"messages": [{"data": {"KEY": key}}, {"data": {"KEY": "hunter"}}]}
        cases = {
            "a/test/snapshots/ng.one": found | {"sourceContent": f"x {key} hunter"},
            "b/test/snapshots/rule-a/ng.two": found,
            "a/test/snapshots/ok.one": {"messages": [], "sourceContent": "plain"},
            "b/test/snapshots/rule-a/ok.two": {"messages": [], "sourceContent": key},
        }
        with scratch() as folder:
            for name, case in cases.items():
                plant(folder, {f"{name}/output.json": json.dumps(case)})
                plant(folder, {f"{name}/input.txt": f"in a file: {key}, hunter"})
            counted = measure_snapshots(folder)
        self.assertEqual(counted, ({True: 2, False: 2}, {True: 1, False: 1}))


def measure_snapshots(folder: Path) -> tuple[Counter[bool], Counter[bool]]:
    """Return how many reported secrets go, and how many clean texts are changed."""
    redactor = Redactor(key=b"test")
    found: Counter[bool] = Counter()
    blanked: Counter[bool] = Counter()
    for path in sorted(folder.rglob("test/snapshots/**/output.json")):
        case = json.loads(path.read_text("utf-8"))
        if "sourceContent" not in case:  # Older ones keep their text in a file of its own.
            case["sourceContent"] = "".join(
                p.read_text("utf-8") for p in path.parent.glob("input*")
            )
        text = case["sourceContent"]
        clear = redactor.redact(text).text
        if path.parent.name.startswith("ok."):
            blanked[clear != text] += 1
        elif path.parent.name.startswith("ng."):
            for message in case["messages"]:
                secrets = [said for said in message.get("data", {}).values() if said in text]
                found[max(secrets, key=len, default=text) not in clear] += 1
    return found, blanked


if __name__ == "__main__":
    unittest.main()
