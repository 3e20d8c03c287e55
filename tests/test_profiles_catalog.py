"""The catalogue that Codex reads: every entry loads, and what would not never leaves."""

import json
import os
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import CODEX_VERSIONS, LONG, needs, program, scratch

from codex_oss.errors import BrokenPromise
from codex_oss.profiles import BUILT_IN, ModelRegistry, codex_catalog, parse_profiles
from codex_oss.profiles.codex_catalog import catalog_faults, parse_version

Entry = dict[str, Any]

MINE = {
    "mine": {
        "provider": "vllm",
        "upstream_model": "org/mine",
        "context_window": 40_000,
        "efforts": ["none", "low", "max", "ultra"],
        "modalities": ["text", "image", "file"],
    }
}
REGISTRY = ModelRegistry((*BUILT_IN, *parse_profiles(json.dumps(MINE))), {"gpt-5.5": "mine"})
REQUIRED = (  # Measured: without one of these Codex loads nothing.
    *("slug", "display_name", "supported_reasoning_levels", "shell_type", "visibility"),
    *("supported_in_api", "priority", "support_verbosity", "truncation_policy"),
    *("experimental_supported_tools", "base_instructions"),
)
REQUIRED_UP_TO_0_140 = ("supports_reasoning_summaries", "supports_parallel_tool_calls")
BAD = (  # Values that Codex does not load.
    ("apply_patch_tool_type", "function"),
    ("input_modalities", ["text", "video"]),
    ("visibility", "show"),
    ("shell_type", "fish"),
    ("truncation_policy", {"mode": "lines", "limit": 1}),
    ("priority", "first"),
    ("context_window", "large"),
)


def catalogue(version: str) -> dict[str, Entry]:
    entries = codex_catalog(version, REGISTRY)
    return {str(entry["slug"]): entry for entry in entries}


def spoilt(version: str) -> Iterator[tuple[str, list[Entry]]]:
    """Yield catalogues that this version does not load, by what is wrong with their last entry."""
    entries = codex_catalog(version, REGISTRY)
    keys = REQUIRED + (REQUIRED_UP_TO_0_140 if version <= "0.140.0" else ())
    for key in keys:
        lacking = {name: value for name, value in entries[-1].items() if name != key}
        yield f"no {key}", [*entries[:-1], lacking]
    for key, value in BAD:
        if key == "apply_patch_tool_type" and version < "0.140.0":
            continue  # The one that loads there.
        yield f"{key}={value}", [*entries[:-1], entries[-1] | {key: value}]
    if version < "0.140.0":
        levels = [{"effort": "max", "description": "d"}]
        more = entries[-1] | {"supported_reasoning_levels": levels}
        yield "effort max", [*entries[:-1], more]


class Entries(unittest.TestCase):
    def test_a_model_says_everything_that_codex_asks_of_it(self) -> None:
        entry = catalogue("0.169.0")["mine"]
        self.assertIn("*** Begin Patch", entry.pop("base_instructions"))
        self.assertEqual(
            entry,
            {
                "slug": "mine",
                "display_name": "mine",
                "description": "org/mine at vllm",
                "supported_reasoning_levels": [
                    {"effort": "none", "description": "Answers without thinking"},
                    {"effort": "low", "description": "Thinks briefly"},
                    {"effort": "max", "description": "Thinks as long as it can"},
                    {"effort": "ultra", "description": "Thinks as long as it can"},
                ],
                "default_reasoning_level": "low",
                "shell_type": "unified_exec",
                "visibility": "list",
                "supported_in_api": True,
                "priority": entry["priority"],
                "support_verbosity": False,
                "supports_reasoning_summaries": True,
                "supports_parallel_tool_calls": True,
                "truncation_policy": {"mode": "tokens", "limit": 10_000},
                "experimental_supported_tools": [],
                "context_window": 40_000,
                "max_context_window": 40_000,
                "apply_patch_tool_type": "freeform",
                "input_modalities": ["text", "image"],
                "supports_search_tool": False,
                "multi_agent_version": "v1",
                "web_search_tool_type": "text",
            },
        )

    def test_every_name_has_one_and_only_profiles_are_seen(self) -> None:
        entries = catalogue("0.169.0")
        self.assertEqual(sorted(entries), sorted(REGISTRY.names()))
        seen = {name for name, entry in entries.items() if entry["visibility"] == "list"}
        profiles = {profile.name for profile in BUILT_IN} - {"rehearsal"}
        self.assertEqual(seen, profiles | {"mine"})

    def test_what_people_use_most_comes_first(self) -> None:
        self.assertEqual(list(catalogue("0.169.0"))[:3], ["deepseek", "flash", "kimi"])
        ranks = [entry["priority"] for entry in catalogue("0.169.0").values()]
        self.assertEqual(ranks, list(range(len(ranks))))

    def test_a_mission_is_told_the_handoff_rule_and_has_no_patch_tool(self) -> None:
        for name, entry in catalogue("0.169.0").items():
            is_mission = name.startswith("mission-")
            self.assertEqual("OSS_HANDOFF_JSON" in entry["base_instructions"], is_mission, name)
            tool = None if is_mission else "freeform"
            self.assertEqual(entry["apply_patch_tool_type"], tool)

    def test_efforts_are_those_that_the_asking_version_knows(self) -> None:
        for version, name, efforts, default in (
            ("0.130.0", "mine", ["none", "low"], "low"),
            ("0.140.0", "mine", ["none", "low", "max", "ultra"], "low"),
            ("0.130.0", "kimi-k3", [], None),
            ("0.169.0", "kimi-k3", ["max"], "max"),
            ("0.169.0", "deepseek", ["high", "max"], "high"),
            ("something new", "kimi-k3", ["max"], "max"),
            ("0.169.0", "kimi", [], None),
        ):
            entry = catalogue(version)[name]
            found = [level["effort"] for level in entry["supported_reasoning_levels"]]
            self.assertEqual((found, entry["default_reasoning_level"]), (efforts, default))


class SelfCheck(unittest.TestCase):
    def test_what_codex_would_not_load_is_found_with_its_name(self) -> None:
        for version in CODEX_VERSIONS:
            entries = codex_catalog(version, REGISTRY)
            self.assertEqual(list(catalog_faults(entries, parse_version(version))), [])
            for wrong, spoilt_ones in spoilt(version):
                with self.subTest(version, wrong=wrong):
                    faults = list(catalog_faults(spoilt_ones, parse_version(version)))
                    self.assertEqual(len(faults), 1, faults)

    def test_instructions_of_another_length_are_refused(self) -> None:
        entry = codex_catalog("0.169.0", REGISTRY)[0]
        for length, is_good in ((1_499, False), (1_500, True), (8_000, True), (8_001, False)):
            of_length = entry | {"base_instructions": "x" * length}
            self.assertEqual(not [*catalog_faults([of_length], (0, 169, 0))], is_good)

    def test_a_catalogue_with_a_fault_does_not_leave(self) -> None:
        class Misnamed(ModelRegistry):
            def names(self) -> tuple[str, ...]:
                return ("",)

            def resolve(self, name: str) -> Any:
                return BUILT_IN[0]

        with self.assertRaisesRegex(BrokenPromise, "would not load"):
            codex_catalog("0.169.0", Misnamed())


@needs("codex")
class RealCodex(unittest.TestCase):
    """`codex debug models` loads a catalogue from a file and prints it, or fails."""

    def test_each_version_loads_it_and_nothing_that_the_self_check_refuses(self) -> None:
        for version in CODEX_VERSIONS:
            with scratch() as folder:
                entries = codex_catalog(version, REGISTRY)
                self.assertEqual(loaded(version, entries, folder), [*catalogue(version)])
                few = [*spoilt(version)] if LONG else [*spoilt(version)][:: len(CODEX_VERSIONS)]
                for wrong, spoilt_ones in few:
                    with self.subTest(version, wrong=wrong):
                        self.assertIsNone(loaded(version, spoilt_ones, folder))


def loaded(version: str, entries: list[Entry], folder: Path) -> list[str] | None:
    """Return the names of the models that Codex has then, or `None` if it does not start."""
    file = folder / "models.json"
    file.write_text(json.dumps({"models": entries}))
    run = subprocess.run(
        [str(program(f"codex-{version}")), "debug", "models", "-c", f'model_catalog_json="{file}"'],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "CODEX_HOME": str(folder)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    if run.returncode:
        return None
    return [model["slug"] for model in json.loads(run.stdout)["models"]]


if __name__ == "__main__":
    unittest.main()
