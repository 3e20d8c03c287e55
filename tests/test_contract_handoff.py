"""The one handoff of a task text: what counts, what does not, and what is said then."""

import json
import time
import unittest

from support import LONG, chance

from codex_oss.contract import (
    TIERS,
    HandoffValidation,
    MissionV1,
    extract_handoff,
    parse_mission,
    render_handoff,
    template,
    validate_handoff,
)
from codex_oss.errors import BadMission

CONTRACT = template("A3")
TEXT = json.dumps(CONTRACT)
OTHER = {**CONTRACT, "objective": "Where is the port set?"}
BLOCK, OTHER_BLOCK = render_handoff(CONTRACT), render_handoff(OTHER)
OPEN, CLOSE = "<OSS_HANDOFF_JSON>", "</OSS_HANDOFF_JSON>"
MULTIPLE = "Multiple OSS_HANDOFF_JSON blocks found - exactly one required"

LEGACY: dict[str, object] = {
    "schema_version": 1,
    "role": "scout",
    "goal": "Find where the port is set.",
    "task_type": "scout",
    "owned_paths": [],
    "read_only_paths": ["src/", "README.md"],
    "forbidden_actions": ["do not write"],
    "verification_steps": ["cite lines"],
    "deliverable_fields": ["the default", "the variable"],
    "completion_rule": "both are cited",
    "escalation_rule": "ask when unclear",
}

PROSE = """Please do this.
ROLE: scout
Goal: Find where the port is set,
and by whom.
READ-ONLY PATHS:
- src/
- `README.md`, docs/a.md
do not touch: src/private/, *.gen
DELIVERABLE:
1. the default
2. the variable, with its type
COMPLETION RULE: both are cited
"""

# Texts that hand over CONTRACT, with the number of placeholders beside it.
FOUND = {
    BLOCK: 0,
    f"Please:\n\n{BLOCK}\n\nThanks.": 0,
    f"{OPEN}{TEXT}{CLOSE}": 0,
    f"{OPEN}\n```json\n{TEXT}\n```\n{CLOSE}": 0,
    f"OSS_HANDOFF_JSON: {TEXT}": 0,
    f"OSS_HANDOFF_JSON:\n```json\n{TEXT}\n```\nmore text {{}}": 0,
    f"OSS_HANDOFF_JSON:{TEXT} and so on": 0,
    f"{BLOCK}\n{BLOCK}": 0,
    f"{BLOCK}\nOSS_HANDOFF_JSON: {json.dumps(dict(reversed(CONTRACT.items())))}": 0,
    f"{OPEN}\n...\n{CLOSE}\n{BLOCK}": 1,
    f"{OPEN}…{CLOSE}\nOSS_HANDOFF_JSON: {{...}}\n{BLOCK}": 2,
    f'OSS_HANDOFF_JSON: {{"objective": <objective>}}\n{BLOCK}': 1,
    f"`{OPEN}` … `{CLOSE}` is the frame:\n{BLOCK}": 1,
    f"Where is OSS_HANDOFF_JSON: read? Or {OPEN}? Find out.\n{BLOCK}": 0,
    f"{PROSE}\n{BLOCK}": 0,
}

# Texts that hand over nothing, and with how many placeholders.
MISSING = {
    "Where is the port set?": 0,
    "": 0,
    BLOCK.lower(): 0,
    BLOCK.replace("_JSON", "-JSON"): 0,
    f"{OPEN}...{CLOSE}": 1,
    "OSS_HANDOFF_JSON: {...}": 1,
    "OSS_HANDOFF_JSON: see above": 0,
    f"what does {OPEN} mean?": 0,
    "GOAL: find src/a.py": 0,
    "READ-ONLY PATHS: src": 0,
    "my goal: src\nREAD-ONLY PATHS: src": 0,
    "GOAL:\nREAD-ONLY PATHS: src": 0,
}

# Blocks that are meant and broken: never skipped, whatever stands beside them.
BROKEN = {
    f"{OPEN}{{'a': 1}}{CLOSE}": "is no JSON",
    f"{OPEN}{TEXT}": "has no closing tag",
    f"{OPEN}{TEXT}</oss_handoff_json>": "has no closing tag",
    f"{OPEN}{CLOSE}": "is no JSON",
    f"{OPEN}{TEXT}{TEXT}{CLOSE}": "is no JSON",
    f"{OPEN} my mission {CLOSE}": "is no JSON",
    f"OSS_HANDOFF_JSON: {TEXT[:-1]}": "is no JSON",
    f"{OPEN}[]{CLOSE}": "must be an object",
}


def contract(found: HandoffValidation) -> MissionV1:
    assert found.mission is not None and found.valid, found
    return found.mission


def expected(document: dict[str, object]) -> MissionV1:
    parsed = parse_mission(document)
    assert parsed.mission, parsed.faults
    return parsed.mission


class Blocks(unittest.TestCase):
    def test_the_one_block_is_found_in_every_form(self) -> None:
        for text, examples in FOUND.items():
            found = extract_handoff(text)
            self.assertEqual(contract(found), expected(CONTRACT), text)
            told = (found.handoff_type, found.active_blocks, found.ignored_examples)
            self.assertEqual(told, ("mission_v1", 1, examples), text)

    def test_no_block_is_told_with_a_template_that_works(self) -> None:
        for text, examples in MISSING.items():
            for tier in ("A2", "A5"):
                found = extract_handoff(text, tier)
                self.assertEqual(
                    (found.handoff_type, found.code), ("none", "handoff_missing"), text
                )
                self.assertEqual((found.active_blocks, found.ignored_examples), (0, examples), text)
                self.assertEqual(contract(extract_handoff(found.hint)).tier, tier)

    def test_a_broken_block_is_never_skipped(self) -> None:
        for text, words in BROKEN.items():
            found = extract_handoff(text)
            told = (found.handoff_type, found.code, found.active_blocks)
            self.assertEqual(told, ("mission_v1", "invalid_mission", 1), text)
            self.assertIn(words, found.faults[0].message, text)
            beside = extract_handoff(f"{text}\n\n{BLOCK}")
            self.assertEqual((beside.valid, beside.mission), (False, None), text)

    def test_two_different_blocks_are_told_with_both_lines(self) -> None:
        found = extract_handoff(f"first:\n{BLOCK}\nthen:\n\n{OTHER_BLOCK}")
        second = BLOCK.count("\n") + 5
        self.assertEqual(found.reasons, (f"{MULTIPLE}: lines 2 and {second}",))
        told = (found.handoff_type, found.code, found.active_blocks)
        self.assertEqual(told, ("mission_v1", "multiple_handoffs", 2))
        with self.assertRaises(BadMission) as caught:
            found.mission_for_runtime()
        self.assertIn(MULTIPLE, caught.exception.message)

    def test_a_key_given_twice_makes_another_block(self) -> None:
        twice = f'{{"objective": "another one", {TEXT.lstrip()[1:]}'
        self.assertEqual(json.loads(twice), json.loads(TEXT))
        for text in (f"{BLOCK}\n{OPEN}{twice}{CLOSE}", f"{OPEN}{twice}{CLOSE}\n{BLOCK}"):
            found = extract_handoff(text)
            self.assertEqual((found.code, found.active_blocks), ("multiple_handoffs", 2))
        found = extract_handoff(f"{OPEN}{twice}{CLOSE}\n{OPEN}{twice}{CLOSE}")
        told = (found.active_blocks, [fault.code for fault in found.faults])
        self.assertEqual(told, (1, ["duplicate_key"]))

    def test_faults_of_a_contract_are_the_faults_of_its_handoff(self) -> None:
        bad = {**CONTRACT, "forbiden_roots": [], "tool_budget": 9_999}
        found = extract_handoff(f"OSS_HANDOFF_JSON: {json.dumps(bad)}")
        self.assertEqual(found.faults, parse_mission(bad).faults)
        self.assertEqual(found.reasons, ("The contract has 2 faults",))
        with self.assertRaises(BadMission) as caught:
            found.mission_for_runtime()
        error = caught.exception
        self.assertEqual((error.code, error.faults), ("unknown_field", found.faults))
        self.assertIn("$.tool_budget: must be a whole number", error.message)

    def test_a_rendered_handoff_is_found_again_whatever_it_says(self) -> None:
        random = chance()
        pieces = (OPEN, CLOSE, "OSS_HANDOFF_JSON:", "{", "}", '"', "\\", "```", "\n\n", "é", "...")
        for tier in TIERS:
            document = template(tier.name, tier.style)
            self.assertEqual(
                contract(extract_handoff(render_handoff(document))), expected(document)
            )
        for _ in range(2_000 if LONG else 200):
            objective = "x" + "".join(random.choices(pieces, k=6))
            mission = expected({**CONTRACT, "objective": objective})
            block = render_handoff(mission)
            self.assertEqual(block.count("<"), 2)
            text = f"do: {{\n{block}\n}}"
            self.assertEqual(contract(extract_handoff(text)), mission, objective)

    def test_a_block_may_say_its_own_tags_in_a_string(self) -> None:
        document = {**CONTRACT, "objective": f"Where is {CLOSE} or {OPEN} read?"}
        for text in (
            f"{OPEN}{json.dumps(document)}{CLOSE}",
            f"OSS_HANDOFF_JSON: {json.dumps(document)}",
        ):
            self.assertEqual(contract(extract_handoff(text)), expected(document))

    def test_hostile_texts_are_read_in_linear_time(self) -> None:
        start = time.process_time()
        for piece in (
            'OSS_HANDOFF_JSON:{"a":[',
            f"{OPEN} ",
            f"{OPEN}{{",
            "OSS_HANDOFF_JSON: {\n",
            CLOSE,
        ):
            self.assertFalse(extract_handoff(piece * 30_000).valid)
            self.assertFalse(extract_handoff(piece * 30_000 + CLOSE).valid)
        self.assertFalse(extract_handoff("ROLE:" * 100_000).valid)
        self.assertLess(time.process_time() - start, 4)


class OlderForms(unittest.TestCase):
    def test_a_legacy_handoff_is_valid_and_refused_with_its_equivalent(self) -> None:
        found = extract_handoff(f"OSS_HANDOFF_JSON: {json.dumps(LEGACY)}")
        self.assertEqual((found.handoff_type, found.valid), ("legacy", True))
        with self.assertRaises(BadMission) as caught:
            found.mission_for_runtime()
        self.assertEqual(caught.exception.code, "legacy_handoff_on_runtime_agent")
        equivalent = contract(extract_handoff(caught.exception.message))
        self.assertEqual(equivalent, found.mission)
        self.assertEqual(equivalent.scope.allowed_roots, ("src",))
        self.assertEqual(equivalent.scope.allowed_paths, ("README.md",))
        questions = [each.question for each in equivalent.obligations]
        self.assertEqual(questions, ["the default", "the variable"])
        self.assertEqual(equivalent.tier, "A3")

    def test_a_legacy_task_that_writes_becomes_a_patch_mission(self) -> None:
        writing = {**LEGACY, "task_type": "bounded_write", "owned_paths": ["src/a.py", "gen/"]}
        found = extract_handoff(f"OSS_HANDOFF_JSON: {json.dumps(writing)}")
        self.assertIn('"owned_paths": [\n    "src/a.py",\n    "gen/"\n  ]', found.hint)
        assert found.mission
        self.assertEqual((found.mission.tier, found.mission.write_allowed), ("A5", True))

    def test_a_broken_legacy_handoff_has_all_its_faults(self) -> None:
        broken = {**LEGACY, "task_type": "scot", "read_only_paths": ["../x"], "gaol": 1}
        del broken["goal"]
        found = extract_handoff(f"{OPEN}{json.dumps(broken)}{CLOSE}")
        told = [(fault.path, fault.code) for fault in found.faults]
        expected_faults = [
            ("$.task_type", "bad_value"),
            ("$.read_only_paths[0]", "bad_path"),
            ("$.gaol", "unknown_field"),
            ("$.goal", "missing"),
        ]
        self.assertEqual((found.handoff_type, told), ("legacy", expected_faults))

    def test_only_the_integer_one_is_legacy(self) -> None:
        for version in (True, "1", 1.0, 2):
            found = extract_handoff(
                f"{OPEN}{json.dumps({**LEGACY, 'schema_version': version})}{CLOSE}"
            )
            self.assertEqual((found.handoff_type, found.valid), ("mission_v1", False), version)

    def test_a_prose_task_is_a_contract_of_the_alias_tier(self) -> None:
        found = extract_handoff(PROSE, "A2")
        mission = contract(found)
        self.assertEqual((found.handoff_type, found.active_blocks), ("prose", 0))
        self.assertEqual(mission.mission_id, f"native_task_{mission.mission_id[12:]}")
        self.assertEqual(len(mission.mission_id), 24)
        self.assertEqual(mission.tier, "A2")
        self.assertEqual(mission.objective, "Find where the port is set,\nand by whom.")
        self.assertEqual(mission.scope.allowed_roots, ("src",))
        self.assertEqual(mission.scope.allowed_paths, ("README.md", "docs/a.md"))
        self.assertEqual(mission.scope.forbidden_roots[:2], ("src/private", "*.gen"))
        duties = [(each.question, each.required) for each in mission.obligations]
        self.assertEqual(duties, [("the default", True), ("the variable, with its type", True)])
        task = {"role": "scout", "completion_rule": "both are cited"}
        self.assertEqual(mission.document["x_native_task"], task)
        self.assertEqual(contract(extract_handoff(PROSE, "A2")), mission)

    def test_a_prose_task_may_name_itself_and_own_paths(self) -> None:
        text = "MISSION ID: My-Task\nOBJECTIVE: x\nOWNED PATHS: src/a.py\nREAD-ONLY PATHS: none"
        mission = contract(extract_handoff(text))
        self.assertEqual(
            (mission.mission_id, mission.scope.allowed_paths), ("my-task", ("src/a.py",))
        )
        patch = contract(extract_handoff(text, "A4"))
        self.assertEqual(patch.document["owned_paths"], ["src/a.py"])

    def test_a_prose_task_with_bad_paths_has_faults(self) -> None:
        found = extract_handoff("GOAL: x\nREAD-ONLY PATHS: ../up, src/*.py")
        told = [(fault.path, fault.code) for fault in found.faults]
        self.assertEqual(
            told, [("$.allowed_roots[0]", "bad_path"), ("$.allowed_paths[0]", "bad_path")]
        )


class Validation(unittest.TestCase):
    def test_a_file_may_be_the_bare_contract(self) -> None:
        for text in (TEXT, f"\n  {TEXT}\n", BLOCK):
            self.assertEqual(contract(validate_handoff(text)), expected(CONTRACT))
        self.assertEqual(extract_handoff(TEXT).code, "handoff_missing")
        self.assertEqual(validate_handoff("{").faults[0].code, "not_json")
        self.assertEqual(validate_handoff(json.dumps(LEGACY)).handoff_type, "legacy")

    def test_the_json_says_what_was_found(self) -> None:
        found = extract_handoff(
            f"{OPEN}...{CLOSE}{OPEN}{json.dumps({**CONTRACT, 'modee': 1})}{CLOSE}"
        )
        expected_json = {
            "schema_version": "handoff_validation.v1",
            "valid": False,
            "handoff_type": "mission_v1",
            "active_blocks": 1,
            "ignored_examples": 1,
            "mission_id": None,
            "reasons": ["The contract has 1 fault"],
            "faults": [
                {
                    "path": "$.modee",
                    "code": "unknown_field",
                    "message": "is not a known field",
                    "hint": "did you mean `mode`?",
                }
            ],
            "faults_omitted": 0,
            "warnings": [],
        }
        self.assertEqual(found.to_json(), expected_json)
        self.assertEqual(
            extract_handoff(BLOCK).to_json()["mission_id"], expected(CONTRACT).mission_id
        )


if __name__ == "__main__":
    unittest.main()
