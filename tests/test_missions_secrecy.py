"""A key stays where it was: nothing of a mission holds it, whatever it was planted in.

Keys stand in files, a file's name, a branch, a commit's subject and its author; the model finds
them with every tool and says them with every word it has. Then each byte under `.codex-oss/` is
looked at, each sentence of the stream and each request to the model (missions 7).
"""

import base64
import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from support import chance, needs, scratch
from support.missions import ScriptedModel, begin, calls, contract, report, workshop, write_tree
from support.trees import git

from codex_oss.chat import CallDelta, ChatChunk
from codex_oss.layout import Layout
from codex_oss.record import commentary_for

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def forms_of(key: str) -> Iterator[bytes]:
    """Yield how this installation's key may be written: it is known whatever hides it."""
    raw = key.encode()
    yield raw
    yield from (raw.hex().encode(), raw.hex().upper().encode(), quote(key, safe="").encode())
    for offset in range(3):  # What base64 makes of it depends on where it stands.
        yield base64.b64encode(b"x" * offset + raw)
    yield "".join(f"%{byte:02X}" for byte in raw).encode()
    yield "".join(f"\\u{byte:04x}" for byte in raw).encode()


def written(*forms: bytes) -> str:
    """Return a file that holds a key in some forms."""
    lines = [f"load = {form.decode()}\nclient('{form.decode()}')" for form in forms]
    return "\n".join(("def load():", *lines, ""))


@needs("git")
class PlantedKeys(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = self.enterContext(scratch())
        dice = chance(self.id())
        self.live = "sk-" + "".join(dice.choices(ALPHABET, k=40))
        self.github = "ghp_" + "".join(dice.choices(ALPHABET, k=36))
        self.keys = (self.live, self.github)
        self.hidden = (*forms_of(self.live), self.github.encode())

    def project(self) -> Path:
        files = {f"src/{key}.py": "def load(): ...\n" for key in self.keys}
        files |= {"src/has_0.py": written(*self.hidden), "src/has_1.py": written(self.hidden[-1])}
        root = write_tree(self.folder / "project", files | {"src/main.py": "load()\n"})
        git(root, "init", "-q")
        git(root, "checkout", "-q", "-b", f"for-{self.github}")
        git(root, "add", ".")
        for key in self.keys:
            author = f"--author={key} <a@example.org>"
            git(root, "commit", "-q", "--allow-empty", "-m", f"use {key}", author)
        for number in range(2):
            changed = root / f"src/has_{number}.py"
            changed.write_text(changed.read_text("utf-8") + "# more\n", "utf-8")
        env_file = Layout(root).env_file
        for folder in (env_file.parent.parent, env_file.parent):
            folder.mkdir(mode=0o700)
        env_file.write_text(f"OPENCODE_GO_API_KEY={self.live}\n", "utf-8")
        env_file.chmod(0o600)
        return root

    def model(self) -> ScriptedModel:
        both = " ".join(self.keys)
        looks = (
            *(("rtk_read", {"path": f"src/has_{n}.py", "reason": both}) for n in range(2)),
            *(("rtk_read", {"path": f"src/{key}.py"}) for key in self.keys),
            ("rtk_grep", {"pattern": "key|load", "context_lines": 3}),
            *(("rtk_grep", {"pattern": key, "fixed_strings": True}) for key in self.keys),
            ("rtk_grep", {"pattern": "x", "include_glob": self.live}),
            ("rtk_ls", {"path": "src"}),
            ("rtk_ls", {"path": both}),
            *(("rtk_git_status", {}), ("rtk_git_log", {}), ("rtk_git_diff_stat", {})),
            *(("rtk_git_show_stat", {"rev": rev}) for rev in ("HEAD", f"for-{self.github}", both)),
            (self.github, {"path": self.live}),
            ("record_claim", {"claim": f"`load` takes {both}", "evidence_refs": ["command:0"]}),
        )
        steps = [[ChatChunk(reasoning=f"I see {both}."), *calls(look, text=both)] for look in looks]
        torn = [CallDelta(0, "p0", "rtk_read", '{"path": "src/main.py", "reason": "' + both[:9])]
        torn += [CallDelta(0, arguments=piece) for piece in (both[9:30], both[30:], '"}')]
        steps.append([*(ChatChunk(calls=(each,)) for each in torn), ChatChunk(finish="tool_calls")])
        claim = (f"`load` is in has_0.py, with {both}", ["file:src/has_0.py#extract:1@L1"])
        said = [{"text": both}]
        return ScriptedModel(*steps, report(claim, answer=both, uncertainties=said, caveats=[both]))

    def test_none_of_it_is_kept_told_or_sent(self) -> None:
        root, model = self.project(), self.model()
        shop = workshop(root, model)
        classes = [*contract()["allowed_tool_classes"], "safe_git"]
        run = begin(shop, allowed_tool_classes=classes, max_low_information_actions=99)
        events = tuple(run.events())
        result = run.result()
        self.assertGreater(len(model.requests), 15, result.report["status_reason"])
        kinds = result.report["data_exposure"]["redaction_kinds"]
        self.assertLessEqual({"github-token", "live-key"}, set(kinds))
        told = json.dumps([result.to_json(), [repr(commentary_for(event)) for event in events]])
        sent = json.dumps([[repr(m) for m in request.messages] for request in model.requests])
        kept = {str(p): p.read_bytes() for p in root.rglob(".codex-oss/**/*") if p.is_file()}
        del kept[str(Layout(root).env_file)]
        self.assertGreater(len(kept), 15)
        for place, content in {"told": told.encode(), "sent": sent.encode(), **kept}.items():
            shown = [form for form in self.hidden if form[4:-4] in content]
            self.assertEqual(shown, [], place)


if __name__ == "__main__":
    unittest.main()
