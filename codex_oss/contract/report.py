"""What a model says at the end: its draft of the report, taken apart and judged for shape.

JSON enters, a `ReportDraft` or its faults leave. Only the model's part is here: everything else in
`managed_investigation_report.v1` is computed from the record, so members that a draft has beyond
these are dropped (missions 12.2). Whether a reference was ever seen is not known here.
"""

import json
from dataclasses import dataclass

from codex_oss.contract.evidence import parse_ref
from codex_oss.contract.kinds import FAULTY, Choice, Flag, Many, Reading, Text
from codex_oss.contract.records import Field, Members, Record
from codex_oss.errors import Fault

FINDINGS_MAX = 40
REFS_MAX = 20  # Of one finding; a claim that needs more is several claims.
ANSWER_CHARS_MAX = 1_200
CLAIM_CHARS_MAX = 1_000
VALUE_CHARS_MAX = 500
REMARK_CHARS_MAX = 500  # An uncertainty, caveat, reason or question.
REMARKS_MAX = 40
OBLIGATION_ID_CHARS_MAX = 32

STATUSES = ("COMPLETE", "PARTIAL", "ESCALATE", "FAILED")
CONFIDENCES = ("HIGH", "MEDIUM", "LOW")
REPORT_FIELDS = (
    *("status", "confidence", "answer", "files_inspected", "commands_run", "findings"),
    *("uncertainties", "caveats", "escalation_recommendation", "missing_fields", "uninspected"),
    *("contradictions", "denials", "obligations", "budget", "usage", "data_exposure"),
)
"""What a contract may ask for in `required_outputs`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement and the references that show it, as the model wrote them."""

    claim: str
    evidence_refs: tuple[str, ...]
    obligation_id: str = ""
    value: str = ""
    confidence: str = "MEDIUM"

    def to_json(self) -> dict[str, object]:
        return {
            "claim": self.claim,
            "evidence_refs": list(self.evidence_refs),
            "obligation_id": self.obligation_id,
            "value": self.value,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class Uncertainty:
    text: str
    obligation_id: str = ""

    def to_json(self) -> dict[str, object]:
        return {"text": self.text, "obligation_id": self.obligation_id}


@dataclass(frozen=True, slots=True)
class Escalation:
    needed: bool = False
    reason: str = ""
    questions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {"needed": self.needed, "reason": self.reason, "questions": list(self.questions)}


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """The model's part of a report. `parse_draft(draft.to_json()) == draft`."""

    status: str
    confidence: str
    answer: str
    findings: tuple[Claim, ...] = ()
    uncertainties: tuple[Uncertainty, ...] = ()
    caveats: tuple[str, ...] = ()
    escalation: Escalation = Escalation()

    def to_json(self) -> dict[str, object]:
        return {
            "status": self.status,
            "confidence": self.confidence,
            "answer": self.answer,
            "findings": [finding.to_json() for finding in self.findings],
            "uncertainties": [uncertainty.to_json() for uncertainty in self.uncertainties],
            "caveats": list(self.caveats),
            "escalation_recommendation": self.escalation.to_json(),
        }


def parse_draft(value: object, path: str = "$") -> ReportDraft | tuple[Fault, ...]:
    """Return the draft that stands at `path`, or everything that is wrong with its shape."""
    reading = Reading()
    read = DRAFT.read(value, path, reading)
    return tuple(reading.faults) if read is FAULTY else _draft(Members(read))


def parse_claim(value: object) -> Claim | tuple[Fault, ...]:
    """Return the claim that `record_claim` was called with, or everything wrong with it."""
    reading = Reading()
    read = CLAIM.read(value, "$", reading)
    return tuple(reading.faults) if read is FAULTY else _claim(Members(read))


@dataclass(frozen=True, slots=True)
class _Ref:
    """A reference in one of the forms of `evidence`, in its normal spelling."""

    legal = "a reference like file:PATH#extract:1@L8-L9 or command:0#match:1"

    def read(self, value: object, path: str, reading: Reading) -> object:
        ref = parse_ref(value) if isinstance(value, str) else None
        return reading.bad_value(path, f"must be {self.legal}", value) if ref is None else str(ref)


@dataclass(frozen=True, slots=True)
class _Value:
    """What was found, literally. `4000` and `"4000"` are the same value."""

    legal = f"a string of 0..{VALUE_CHARS_MAX} characters, a number or a boolean"

    def read(self, value: object, path: str, reading: Reading) -> object:
        text = json.dumps(value) if isinstance(value, bool | int | float) else value
        return Text(VALUE_CHARS_MAX, least=0).read(text, path, reading)


_REMARK = Text(REMARK_CHARS_MAX)
_OBLIGATION_ID = Field("obligation_id", Text(OBLIGATION_ID_CHARS_MAX, least=0), "")

CLAIM = Record(
    (
        Field("claim", Text(CLAIM_CHARS_MAX)),
        Field("evidence_refs", Many(_Ref(), REFS_MAX, least=1)),
        _OBLIGATION_ID,
        Field("value", _Value(), ""),
        Field("confidence", Choice(CONFIDENCES), "MEDIUM"),
    ),
    lenient=True,
)
DRAFT = Record(
    (
        Field("status", Choice(STATUSES)),
        Field("confidence", Choice(CONFIDENCES), "LOW"),
        Field("answer", Text(ANSWER_CHARS_MAX, least=0), ""),
        Field("findings", Many(CLAIM, FINDINGS_MAX), []),
        Field(
            "uncertainties",
            Many(
                Record((Field("text", _REMARK), _OBLIGATION_ID), shorthand="text", lenient=True),
                REMARKS_MAX,
            ),
            [],
        ),
        Field("caveats", Many(_REMARK, REMARKS_MAX), []),
        Field(
            "escalation_recommendation",
            Record(
                (
                    Field("needed", Flag(), False),
                    Field("reason", Text(REMARK_CHARS_MAX, least=0), ""),
                    Field("questions", Many(_REMARK, REMARKS_MAX), []),
                ),
                lenient=True,
            ),
            {},
        ),
    ),
    lenient=True,
)


def _draft(draft: Members) -> ReportDraft:
    escalation = draft.part("escalation_recommendation")
    return ReportDraft(
        draft.text("status"),
        draft.text("confidence"),
        draft.text("answer"),
        tuple(_claim(finding) for finding in draft.parts("findings")),
        tuple(
            Uncertainty(item.text("text"), item.text("obligation_id"))
            for item in draft.parts("uncertainties")
        ),
        draft.texts("caveats"),
        Escalation(
            escalation.flag("needed"), escalation.text("reason"), escalation.texts("questions")
        ),
    )


def _claim(claim: Members) -> Claim:
    return Claim(
        claim.text("claim"),
        claim.texts("evidence_refs"),
        claim.text("obligation_id"),
        claim.text("value").strip(),
        claim.text("confidence"),
    )
