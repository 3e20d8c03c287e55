"""What a closer may say: words about claims that stand already, and nothing new.

The text of its reply enters, a `CloserDraft` leaves, or `None` where it says more or other things:
no member is known here that could hold a claim, a reference or a status (missions 12.4).
"""

from dataclasses import dataclass

from codex_oss.contract.json_actions import object_in
from codex_oss.contract.kinds import FAULTY, Many, Named, Reading, Text
from codex_oss.contract.records import Field, Members, Record
from codex_oss.contract.report import ANSWER_CHARS_MAX, CLAIM_CHARS_MAX, FINDINGS_MAX, REMARKS_MAX

_TEXT = Text(CLAIM_CHARS_MAX, least=0)
_DRAFT = Record(
    (
        Field("narrative_summary", Text(ANSWER_CHARS_MAX)),
        Field("finding_narratives", Named(_TEXT, FINDINGS_MAX), {}),
        Field("caveat_narratives", Many(_TEXT, REMARKS_MAX), []),
        Field("verification_summary", _TEXT, ""),
        Field("confidence_rationale", _TEXT, ""),
    )
)


@dataclass(frozen=True, slots=True)
class CloserDraft:
    """Words for a report that the runtime closes. Findings are told of by their ids."""

    narrative_summary: str
    finding_narratives: tuple[tuple[str, str], ...] = ()
    caveat_narratives: tuple[str, ...] = ()
    verification_summary: str = ""
    confidence_rationale: str = ""

    @property
    def text(self) -> str:
        told = (text for _, text in self.finding_narratives)
        last = (self.verification_summary, self.confidence_rationale)
        return "\n".join((self.narrative_summary, *told, *self.caveat_narratives, *last))


def read_closer_draft(text: str) -> CloserDraft | None:
    reading = Reading()
    read = _DRAFT.read(object_in(text), "$", reading)
    if read is FAULTY:
        return None
    said = Members(read)
    narratives = said.part("finding_narratives")
    return CloserDraft(
        said.text("narrative_summary"),
        tuple((name, narratives.text(name)) for name in narratives.value),
        said.texts("caveat_narratives"),
        said.text("verification_summary"),
        said.text("confidence_rationale"),
    )
