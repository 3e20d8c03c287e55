"""Records of runs that a test tells in a few words, every event of them legal.

story = Story().reads("src/a.py", "def main():", "    load()").reports(("`load` is called", [REF]))
verdict(story.record)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from codex_oss.chat import FunctionCall
from codex_oss.contract import EvidenceRef, Match, ReportDraft, parse_draft
from codex_oss.record import (
    CitationResult,
    ClaimRecorded,
    EvidenceVerified,
    Extract,
    Fact,
    ReportDrafted,
    RunRecord,
    ToolCallEmitted,
    ToolDenied,
    ToolObserved,
    canonical,
    fold,
    resolve,
)
from support.facts import admitted, chained, replied, requested

DIGEST = "sha256:" + "d" * 64


class Story:
    """A run so far. Every method adds one step and returns the story."""

    def __init__(self, **contract: object) -> None:
        self.facts: list[Fact] = [admitted(**contract)]
        self.calls = 0
        self.readings: dict[str, int] = {}

    @property
    def record(self) -> RunRecord:
        record = fold(chained(self.facts))
        assert not record.inconsistent, record.inconsistent
        return record

    def then(self, *facts: Fact) -> "Story":
        self.facts += facts
        return self

    def asks(self, name: str, arguments: object = None) -> str:
        """Let the model make one call, and return its id."""
        self.calls += 1
        call_id = f"call_{self.calls}_0"
        call = FunctionCall(call_id, name, json.dumps(arguments or {}))
        self.then(requested(self.calls), replied(self.calls, call))
        return call_id

    def says(self, **changes: object) -> "Story":
        """Let the model reply; `changes` are those of the fact."""
        self.calls += 1
        return self.then(requested(self.calls), replace(replied(self.calls), **changes))  # type: ignore[type-var]

    def reads(self, path: str, *lines: str, first: int = 1, total: int = 0) -> "Story":
        number = self.readings[path] = self.readings.get(path, 0) + 1
        text = "\n".join(f"{at}: {line}" for at, line in enumerate(lines, first))
        last = first + len(lines) - 1
        ref = str(EvidenceRef(path, number))
        extract = Extract(ref, path, first, last, total or last, DIGEST, f"sha256:{number:064}")
        extracts = (extract,) if lines else ()
        return self.calls_tool(
            "rtk_read", {"path": path, "start_line": first}, text, extracts=extracts
        )

    def greps(
        self,
        pattern: str,
        *found: tuple[str, int, str],
        path: str | None = None,
        complete: bool = True,
        about: Mapping[str, str] | None = None,
        files: int = 0,
        **arguments: object,
    ) -> "Story":
        matches = tuple(Match(where, line, text, "e" * 64, "f" * 64) for where, line, text in found)
        text = "\n".join(f"{m.path}:{m.line}: {m.text}" for m in matches)
        asked = {"pattern": pattern, "path": path, **arguments}
        return self.calls_tool(
            "rtk_grep", asked, text, about, matches=matches, match_count=len(matches),
            complete=complete, exit_code=0 if matches else 1, files_searched=files,
        )  # fmt: skip

    def calls_tool(
        self,
        name: str,
        arguments: Mapping[str, object],
        text: str,
        about: Mapping[str, str] | None = None,
        **changes: object,
    ) -> "Story":
        """Let a tool answer. `about` are what the model said beside its call."""
        call_id = self.asks(name, arguments)
        digest = "sha256:" + sha256(text.encode()).hexdigest()
        written = canonical(arguments).decode()
        call = ToolCallEmitted(call_id, name, DIGEST, "read", "reply", written, "it")
        self.then(replace(call, **(about or {})))
        observed = ToolObserved(
            call_id, f"{name} {written}", 0, digest, text, True, False, len(text), (), (), 0, 0,
            False, 1,
        )  # fmt: skip
        return self.then(replace(observed, **changes))  # type: ignore[type-var]

    def is_denied(self, path: str, code: str = "secret_path", shown: str = "") -> "Story":
        call_id = self.asks("rtk_read", {"path": path})
        written = canonical({"path": path}).decode()
        self.then(ToolCallEmitted(call_id, "rtk_read", DIGEST, "read", "reply", written, path))
        return self.then(ToolDenied(call_id, "rtk_read", code, "rule", shown))

    def claims(self, text: str, refs: Sequence[str], value: str = "", about: str = "q1") -> "Story":
        call_id = self.asks("record_claim")
        claim_id = sha256(text.encode()).hexdigest()[:10]
        return self.then(ClaimRecorded(claim_id, call_id, text, about, value, tuple(refs)))

    def reports(
        self,
        *findings: tuple[str, list[str]] | tuple[str, list[str], dict[str, object]],
        status: str = "COMPLETE",
        looked_at: str = "verified",
        **more: object,
    ) -> "Story":
        """Let the model hand in its report, and look at what it cites with this outcome."""
        call_id = self.asks("final_report")
        rows = []
        for claim, refs, *changes in findings:
            row = {"claim": claim, "evidence_refs": refs, "obligation_id": "q1"}
            rows.append(row | (changes[0] if changes else {}))
        body = {"status": status, "confidence": "HIGH", "answer": "So.", "findings": rows} | more
        draft = parse_draft(body)
        assert isinstance(draft, ReportDraft), draft
        self.then(ReportDrafted(self.calls, call_id, draft.to_json()))
        return self.looks_again(looked_at) if looked_at else self

    def looks_again(self, outcome: str = "verified") -> "Story":
        record = self.record
        draft = record.answer.draft
        assert draft
        found = []
        for row in draft.draft["findings"]:  # type: ignore[attr-defined]
            for ref in row["evidence_refs"]:
                if cited := resolve(record, ref):
                    found.append(
                        CitationResult(
                            ref, outcome, cited.path, cited.first_line, cited.last_line, DIGEST
                        )
                    )
        return self.then(EvidenceVerified(tuple(found)))
