"""The tools of the real Codex CLI that are more than a function: patches, images, other agents."""

import base64
import re
import struct
import unittest
import zlib
from pathlib import Path

from support import CODEX_VERSIONS, needs
from support.bridges import bridge
from support.codex import catalogue, codex, on_each_codex
from support.providers import Asked, Reply, ScriptedProvider, calls, text

PATCH = """*** Begin Patch
*** Update File: README.md
@@
-# A project
+# A patched project
*** End Patch"""
NO_METADATA = re.compile("metadata.{1,20}not found")
TASK = "Count the lines of src/main.py."
FERNET = base64.urlsafe_b64encode(b"\x80" + bytes(72)).decode()  # As long as one of 16 bytes.
SPAWN = {"task_name": "count_lines", "message": TASK, "fork_turns": "none"}


def picture() -> bytes:
    """Return a PNG of 8 by 8 red pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def images(asked: Asked) -> list[str]:
    """Return the images of a request's messages, by the beginnings of their URLs."""
    parts = [p for m in asked.messages if isinstance(m["content"], list) for p in m["content"]]
    return [p["image_url"]["url"][:22] for p in parts if p["type"] == "image_url"]


@needs("codex")
class Patches(unittest.TestCase):
    @on_each_codex()
    def test_a_freeform_patch_with_our_catalogue(self, version: str, project: Path) -> None:
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.call("apply_patch", {"input": PATCH})
            provider.call("exec_command", {"cmd": "cat README.md"})
            provider.say("It is patched.")
            settings = catalogue(version, running, project.parent)
            ran = codex(version, project, running.port, "Patch it.", settings=settings)
        self.assertEqual((ran.exit_code, ran.said), (0, ["It is patched."]), ran.output)
        self.assertEqual((project / "README.md").read_text(), "# A patched project\n")
        self.assertEqual([c["kind"] for c in ran.items("file_change")[0]["changes"]], ["update"])
        self.assertNotRegex(ran.output, NO_METADATA)
        declared = {
            t["function"]["name"]: t["function"] for t in provider.requests[0].body["tools"]
        }
        self.assertEqual(declared["apply_patch"]["parameters"]["required"], ["input"])
        results = [m["content"] for m in provider.requests[2].messages if m["role"] == "tool"]
        self.assertIn("Success", results[0])
        self.assertIn("# A patched project", results[1])

    @on_each_codex()
    def test_a_patch_that_does_not_fit_goes_back_to_the_model(
        self, version: str, project: Path
    ) -> None:
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.call("apply_patch", {"input": PATCH.replace("-# A", "-# No")})
            provider.say("It does not fit.")
            settings = catalogue(version, running, project.parent)
            ran = codex(version, project, running.port, "Patch it.", settings=settings)
        self.assertEqual((ran.exit_code, ran.said), (0, ["It does not fit."]), ran.output)
        self.assertIn("Failed to find", provider.requests[1].messages[-1]["content"])


@needs("codex")
class Images(unittest.TestCase):
    @on_each_codex()
    def test_an_image_of_the_user_and_one_that_the_model_asks_for(
        self, version: str, project: Path
    ) -> None:
        (project / "red.png").write_bytes(picture())
        with ScriptedProvider() as provider, bridge(project, provider) as running:
            provider.call("view_image", {"path": "red.png"})
            provider.say("Both are red.")
            attached = f"--image={project / 'red.png'}"
            ran = codex(version, project, running.port, "Look.", attached, "--")
        self.assertEqual((ran.exit_code, ran.said), (0, ["Both are red."]), ran.output)
        seen = [images(asked) for asked in provider.requests]
        self.assertEqual(seen, [["data:image/png;base64,"], ["data:image/png;base64,"] * 2])
        *_, call, result, shown = provider.requests[1].messages
        self.assertEqual([m["role"] for m in (call, result, shown)], ["assistant", "tool", "user"])
        self.assertIn("[image 1 of call view_image]", result["content"])


@needs("codex")
class OtherAgents(unittest.TestCase):
    """A parent that starts a child: both are behind the bridge."""

    def provider(self, spawn: str, arguments: dict[str, object]) -> ScriptedProvider:
        """Return one that answers by who asks: the parent starts a child and waits for it."""

        def answer(asked: Asked) -> Reply:
            said = [m["content"] for m in asked.messages if m["role"] == "user"]
            names = [t["function"]["name"] for t in asked.body.get("tools", [])]
            made = [c["function"]["name"] for m in asked.messages for c in m.get("tool_calls", [])]
            if any(TASK in str(words) for words in said) and "Start a child." not in str(said):
                return text("Five lines.")
            if not made:
                return calls((spawn, arguments))
            if made == [spawn]:
                return calls(
                    (next(n for n in names if n.endswith("wait_agent")), self.waits(asked))
                )
            return text("The child is done.")

        return ScriptedProvider(always=answer)

    def waits(self, asked: Asked) -> dict[str, object]:
        """Return the arguments with which the parent waits for the child it was told of."""
        told = asked.messages[-1]["content"]
        found = re.search(r'"(?:agent_id|id)": *"([^"]+)"', told)
        return {"targets": [found[1]], "timeout_ms": 20_000} if found else {"timeout_ms": 20_000}

    @on_each_codex()
    def test_a_child_gets_its_task_and_its_parent_the_result(
        self, version: str, project: Path
    ) -> None:
        spawn = "spawn_agent" if version == "0.130.0" else "multi_agent_v1__spawn_agent"
        with self.provider(spawn, {"message": TASK}) as provider:
            with bridge(project, provider) as running:
                ran = codex(version, project, running.port, "Start a child.")
        self.assertEqual((ran.exit_code, ran.said[-1:]), (0, ["The child is done."]), ran.output)
        self.assertIn("Five lines.", str(provider.requests[-1].messages))

    @on_each_codex(CODEX_VERSIONS[-1:])
    def test_a_child_of_the_second_kind_gets_its_task(self, version: str, project: Path) -> None:
        with self.provider("collaboration__spawn_agent", SPAWN) as provider:
            with bridge(project, provider) as running:
                settings = {"features.multi_agent_v2": True}
                ran = codex(version, project, running.port, "Start a child.", settings=settings)
        self.assertEqual((ran.exit_code, ran.said[-1:]), (0, ["The child is done."]), ran.output)
        self.assertIn("collab_spawn", [line["subagent"] for line in running.lines])

    @on_each_codex(CODEX_VERSIONS[-1:])
    def test_a_task_that_nobody_can_read_is_refused_once(self, version: str, project: Path) -> None:
        task = SPAWN | {"message": FERNET}
        with self.provider("collaboration__spawn_agent", task) as provider:
            with bridge(project, provider) as running:
                settings = {"features.multi_agent_v2": True}
                ran = codex(version, project, running.port, "Start a child.", settings=settings)
        self.assertEqual(ran.exit_code, 0, ran.output)
        codes = [line.get("code") for line in running.lines if line["status"] == 400]
        self.assertEqual(codes, ["unreadable_encrypted_agent_task"])


if __name__ == "__main__":
    unittest.main()
