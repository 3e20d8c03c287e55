"""What is said at the end: claims and the report, made of answers.

Answers enter, calls of `record_claim` and `final_report` leave. The rule it keeps: COMPLETE is
asked for only where each question was understood and its answer is whole; every doubt becomes an
uncertainty of its obligation; and a report always says who made it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from codex_oss.rehearsal.answering import mentions
from codex_oss.rehearsal.answers import Answer, Finding
from codex_oss.rehearsal.reading import Call, Prompt

LABEL = "Rehearsal: an offline planner without a language model looked up names, not meaning."
FINDINGS_MAX = 40  # Of one report; so many claims no reviewer reads anyway.
REMARKS_MAX = 40
REMARK_CHARACTERS_MAX = 500
ANSWER_CHARACTERS_MAX = 1_200
MORE = " More in the findings."
LOOKS_NAMED_MAX = 3


def claims_of(answers: Iterable[Answer]) -> tuple[Call, ...]:
    """Return a claim for each finding that is settled."""
    rows = _rows((answer, answer.findings) for answer in answers if answer.is_whole)
    return tuple(Call("record_claim", tuple(row.items())) for _, row in rows)


def _rows(found: Iterable[tuple[Answer, list[Finding]]]) -> list[tuple[Answer, dict[str, object]]]:
    """Return each finding as it is written down. A value stands where it is the one answer of its
    obligation: two values would contradict each other."""
    pairs = [(answer, finding) for answer, findings in found for finding in findings]
    counts = Counter(answer.lookup.obligation_id for answer, _ in pairs)
    return [
        (
            answer,
            {
                "claim": finding.claim,
                "evidence_refs": list(finding.refs),
                "obligation_id": answer.lookup.obligation_id,
                "value": finding.value if counts[answer.lookup.obligation_id] == 1 else "",
            },
        )
        for answer, finding in pairs
    ]


def report_of(prompt: Prompt, answers: list[Answer]) -> Call:
    rows = _rows((answer, answer.findings or mentions(answer, prompt)) for answer in answers)
    doubts = list(_doubts(prompt, answers, len(rows)))
    is_complete = bool(rows) and not doubts
    rows = rows[:FINDINGS_MAX]
    report: dict[str, object] = {
        "status": "COMPLETE" if is_complete else "PARTIAL",
        "confidence": "HIGH" if is_complete else "LOW",
        "answer": answer_text([str(row["claim"]) for _, row in rows]),
        "findings": [
            row | {"confidence": "HIGH" if answer.is_whole else "MEDIUM"} for answer, row in rows
        ],
        "uncertainties": [
            {"text": text[:REMARK_CHARACTERS_MAX], "obligation_id": obligation_id}
            for obligation_id, text in doubts[:REMARKS_MAX]
        ],
        "caveats": list(dict.fromkeys([LABEL, *(c for a in answers for c in a.caveats)])),
        "escalation_recommendation": {
            "needed": False,
            "reason": "" if is_complete else "A model that reads meaning may answer more.",
            "questions": [],
        },
    }
    return Call("final_report", (("report", report),))


def _doubts(prompt: Prompt, answers: list[Answer], findings: int) -> Iterator[tuple[str, str]]:
    """Yield (obligation id, sentence) for everything that keeps the report from COMPLETE."""
    for answer in answers:
        obligation_id = answer.lookup.obligation_id
        yield from ((obligation_id, _sentence(doubt)) for doubt in answer.doubts)
        if answer.needs:
            looks = "; ".join(_named(call) for call in answer.needs[:LOOKS_NAMED_MAX])
            more = len(answer.needs) - LOOKS_NAMED_MAX
            tail = f"; and {more} more" if more > 0 else ""
            yield obligation_id, f"The limits left no room for these looks: {looks}{tail}."
        elif not answer.findings and not answer.doubts:
            yield obligation_id, f"Nothing was found for `{answer.lookup.symbol}`."
    asked = {answer.lookup.obligation_id for answer in answers}
    for obligation_id, question in prompt.obligations:
        if obligation_id not in asked:
            yield obligation_id, f"This question names nothing to look up: {question[:200]}"
    first = prompt.obligations[0][0]
    if findings > FINDINGS_MAX:
        yield first, f"{findings - FINDINGS_MAX} more findings do not fit."
    for refusal in prompt.looks.refusals:
        yield first, f"An earlier report was not accepted: {refusal}."


def _sentence(doubt: str) -> str:
    return f"{doubt[0].upper()}{doubt[1:]}." if doubt[0].islower() else f"{doubt}."


def _named(call: Call) -> str:
    return f"{call.name} {json.dumps(dict(call.arguments), ensure_ascii=False)}"


def answer_text(claims: list[str]) -> str:
    text = " ".join((LABEL, *claims)) if claims else f"{LABEL} It found nothing to cite."
    if len(text) <= ANSWER_CHARACTERS_MAX:
        return text
    room = ANSWER_CHARACTERS_MAX - len(MORE)
    return text[: text.rfind(". ", 0, room) + 1] + MORE
