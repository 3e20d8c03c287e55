"""A thread of Codex and every family of models, over a bridge that is restarted before each turn.

The provider answers with thinking and calls of every kind, checks each request as its family does,
and looks whether its own thinking came back. Each turn is also asked of a bridge that has just been
started: the same bytes go upstream.
"""

import json
import unittest
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import LONG, scratch
from support.bridges import RunningBridge, bridge
from support.family_rules import faults_at
from support.providers import Asked, Reply, ScriptedProvider, calls, delta, event, text

from codex_oss.profiles import ModelProfile

Item = dict[str, Any]

TURNS = 8 if LONG else 5
IMAGE = "data:image/png;base64,iVBORw0KGgo="
PATCH = "*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch"
TOOLS = [
    {"type": "function", "name": "exec_command", "strict": False, "parameters": {
        "type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}},
    {"type": "function", "name": "view_image", "parameters": {
        "type": "object", "properties": {"path": {"type": "string"}}}},
    {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": {
        "type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch" LF'}},
    {"type": "namespace", "name": "mcp__tracker__", "description": "Issues.", "tools": [
        {"type": "function", "name": "list_issues", "parameters": {"type": "object"}}]},
    {"type": "web_search", "external_web_access": False},
]  # fmt: skip
WANTED = (  # What the model calls in a turn, in turns.
    (("exec_command", {"cmd": "ls"}),),
    (("exec_command", {"cmd": "ls"}), ("apply_patch", {"input": PATCH})),
    (("mcp__tracker__list_issues", {}), ("exec_command", {"cmd": "git log"})),
    (("view_image", {"path": "a.png"}), ("exec_command", {"cmd": "ls"})),
)
OUTPUTS: dict[str, object] = {
    "exec_command": "Process exited with code 0\nOutput:\na.txt",
    "apply_patch": "Success. Updated the following files:\nA a.txt",
    "list_issues": '[{"id": 1}]',
    "view_image": [{"type": "input_image", "image_url": IMAGE, "detail": "high"}],
}
SENT_BACK = {  # Family: of how many earlier turns the model is shown its thinking.
    "deepseek-v4": "all",
    "kimi-k2": "chain",
    "kimi-k3": "all",
    "glm": "all",
    "minimax": "all",
    "qwen": "chain",
    "mimo": "all",
    "longcat": "all",
    "hy": "all",
    "preview": "all",
    "gpt-oss": "chain",
    "gemma": "chain",
    "generic": "none",
}
MODELS = (  # One of each family that is translated, on each wire that it has.
    *("deepseek", "kimi", "minimax-m3", "p0"),
    *("kimi-k3", "glm-5.3", "qwen3.8-flash", "qwen3.8-max", "mimo-v2.5", "longcat-2.0", "hy3"),
    *("omen-alpha", "p1", "p2", "p3", "p4"),
)
LOCAL = (("vllm", "MiniMax-M2.7"), ("vllm", "Qwen/Qwen3.6"), ("ollama", "gpt-oss:20b"),
         ("llama.cpp", "gemma-3"), ("openai_compatible", "some-model"))  # fmt: skip


@dataclass
class Thread:
    """What Codex 0.169 holds of a conversation: all of it, and it sends all of it in each turn."""

    model: str
    items: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        for role, words in (("developer", "You are Codex."), ("user", "Mend the test.")):
            part = {"type": "input_text", "text": words}
            self.items.append({"type": "message", "role": role, "content": [part]})

    @property
    def request(self) -> dict[str, object]:
        return {
            "model": self.model,
            "input": self.items,
            "tools": TOOLS,
            "tool_choice": "auto",
            "parallel_tool_calls": True,
            "reasoning": {"summary": "auto"},
            "store": False,
            "stream": True,
            "include": ["reasoning.encrypted_content"],
            "prompt_cache_key": "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001",
        }

    def hear(self, done: list[Item]) -> None:
        """Keep what was said, and the outputs of the calls in their order."""
        said = [item for item in done if "call_id" in item]
        self.items += [*done, *map(_output, said)]


def _output(call: Item) -> Item:
    return {
        "type": f"{call['type']}_output",
        "call_id": call["call_id"],
        "output": OUTPUTS[call["name"]],
    }


class Family(ScriptedProvider):
    """A model that thinks before it calls, and minds who forgets it."""

    def __init__(self) -> None:
        super().__init__(always=self.answer, checks=False)
        self.profile: ModelProfile | None = None
        self.turn = 0

    def answer(self, asked: Asked) -> Reply:
        assert self.profile
        faults = faults_at(self.profile, asked.path, asked.headers, asked.body)
        back = asked.raw.count(b"thought of turn")
        if back != self.due(asked.body["messages"]):
            faults.append(f"{back} thoughts in turn {self.turn}")
        self.faults += [f"{self.profile.name} turn {self.turn}: {fault}" for fault in faults]
        thought, wanted = f"thought of turn {self.turn}", WANTED[self.turn % len(WANTED)]
        if asked.path.endswith("/messages"):
            return signed(thought, wanted)
        if self.turn == TURNS:
            return text("Done.", reasoning=thought)
        first, *rest = calls(*wanted).pieces
        return Reply((first, delta(reasoning_content=thought), *rest))

    def due(self, messages: list[Item]) -> int:
        assert self.profile
        rule = SENT_BACK[self.profile.family]
        if rule != "chain" or self.profile.wire == "anthropic":
            return self.turn if rule != "none" else 0
        since = max(at for at, message in enumerate(messages) if message["role"] == "user")
        return sum(message["role"] == "assistant" for message in messages[since:])


def signed(thought: str, wanted: tuple[tuple[str, object], ...]) -> Reply:
    """Return an answer of the Anthropic wire."""
    block = {"type": "thinking", "thinking": thought, "signature": "S"}
    deltas = [{"type": "message_start", "message": {"usage": {"input_tokens": 9}}}]
    blocks = [block, *({"type": "tool_use", "id": f"toolu_{n}", "name": name, "input": given}
                       for n, (name, given) in enumerate(wanted))]  # fmt: skip
    for index, each in enumerate(blocks):
        at = {"index": index}
        deltas.append({"type": "content_block_start", **at, "content_block": each})
        deltas.append({"type": "content_block_stop", **at})
    end = {"stop_reason": "tool_use"}
    deltas.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 5}})
    return Reply((*map(event, deltas), event({"type": "message_stop"})))


def asked_by(running: RunningBridge, thread: Thread) -> list[Item]:
    """Return the items that are done, as Codex takes them."""
    events = running.client.events(thread.request)
    assert events[-2].type == "response.completed", events[-2]
    return [e.data["item"] for e in events if e.type == "response.output_item.done"]


class Families(unittest.TestCase):
    def test_each_gets_its_thinking_back_and_a_restart_changes_no_byte(self) -> None:
        with scratch() as folder, Family() as provider:
            environ = variables(provider)
            with bridge(folder, None, **environ) as running:
                for model in MODELS if LONG else MODELS[:4]:
                    with self.subTest(model):
                        self.hold(model, running, provider, folder, environ)

    def hold(
        self,
        model: str,
        running: RunningBridge,
        provider: Family,
        project: Path,
        environ: dict[str, str],
    ) -> None:
        thread, provider.faults = Thread(model), []
        provider.profile = running.workshop.registry.resolve(model)
        for provider.turn in range(TURNS + 1):
            if LONG or provider.turn in (1, 2, 5):
                with bridge(project, None, **environ) as restarted:
                    asked_by(restarted, thread)
                last = provider.requests[-1].raw
                done = asked_by(running, thread)
                self.assertEqual(provider.requests[-1].raw, last)
            else:
                done = asked_by(running, thread)
            self.assertEqual(provider.faults, [])
            thread.hear(done)

    def test_reasoning_of_others_is_left_out_and_told_and_the_turn_goes_on(self) -> None:
        with scratch() as folder, Family() as provider:
            with bridge(folder, None, **variables(provider)) as running:
                resolve, thread = running.workshop.registry.resolve, Thread("kimi")
                provider.profile = resolve("kimi")
                thread.hear(asked_by(running, thread))
                (sealed,) = (item for item in thread.items if item["type"] == "reasoning")
                token, text = sealed["encrypted_content"], sealed["content"][0]["text"]
                other = [{"type": "reasoning_text", "text": f"{text}!"}]
                for changed, reason in (
                    ({"encrypted_content": f"{token[:-2]}AA"}, "tampered"),
                    ({"content": other}, "tampered"),
                    ({"encrypted_content": "gAAAAABof-openai"}, "foreign"),
                ):
                    self.drops(running, thread, sealed | changed, reason)
                thread.model, provider.profile = "deepseek", resolve("deepseek")
                self.drops(running, thread, sealed, "foreign")

    def drops(self, running: RunningBridge, thread: Thread, changed: Item, reason: str) -> None:
        items = [changed if item["type"] == "reasoning" else item for item in thread.items]
        answer = running.client.turn(thread.request | {"input": items, "stream": False}).json
        self.assertEqual(answer["status"], "completed")
        self.assertEqual(answer["oss_receipt"]["reasoning_dropped"], {reason: 1})

    def test_a_turn_continued_by_its_id_is_as_one_with_its_whole_history(self) -> None:
        with scratch() as folder, Family() as provider:
            with bridge(folder, None, **variables(provider)) as running:
                for model in MODELS if LONG else MODELS[:4]:
                    thread, earlier, new = Thread(model), {}, 0
                    provider.profile = running.workshop.registry.resolve(model)
                    for provider.turn in range(3):
                        kept = thread.request | {"store": True, "stream": False}
                        running.client.turn(kept)
                        whole = provider.requests[-1].raw
                        kept |= {"input": thread.items[new:], **earlier}
                        response = running.client.turn(kept).json
                        self.assertEqual(provider.requests[-1].raw, whole, model)
                        new, earlier = len(thread.items), {"previous_response_id": response["id"]}
                        new += len(response["output"])
                        thread.hear(response["output"])
            self.assertEqual(provider.faults, [])


def variables(provider: ScriptedProvider) -> dict[str, str]:
    profiles = {
        f"p{n}": {"provider": served, "upstream_model": model, "base_url": provider.base_url}
        for n, (served, model) in enumerate(LOCAL)
    }
    return {
        "OPENCODE_GO_API_KEY": "sk-go-test",
        "UPSTREAM_BASE": provider.base_url,
        "PROFILES_JSON": json.dumps(profiles),
    }


if __name__ == "__main__":
    unittest.main()
