"""What to do next: the looks that are still worth taking, then claims, then the report.

A `Prompt` enters, the calls of one reply leave. The same prompt gets the same reply: the plan is
made anew each time from what is shown, and nothing is remembered between two calls.
"""

from collections.abc import Iterator
from dataclasses import replace

from codex_oss.rehearsal.answering import answer_to
from codex_oss.rehearsal.answers import Answer
from codex_oss.rehearsal.opposing import mind_opposing, opposing_looks
from codex_oss.rehearsal.questions import Lookup, lookups_of
from codex_oss.rehearsal.reading import Call, Prompt
from codex_oss.rehearsal.reporting import claims_of, report_of

LOOKUPS_MAX = 12  # Of one mission; each takes a search and some readings.
TOO_MANY = f"only the first {LOOKUPS_MAX} look-ups of a mission are done"
LOOKS_A_REPLY_MAX = 3  # They share the room for observations: more of them would be cut.
CLAIMS_A_REPLY_MAX = 4  # As many calls of one reply as are run.
ASKED_MAX = 2  # Once more where the first result is not shown any more, never again after that.
SHOWN_BYTES_MAX = 280_000  # Of all messages: with more, what was read first would shrink away.
QUESTION_CHARACTERS_MAX = 200  # Of one that was not understood.
LINE_BYTES = 48  # Of source as a prompt shows it, on average; of a search more is not known.
SEARCH_BYTES = 10_000

LEFT_MIN = {"tools": 1, "model_calls": 1, "seconds": 5, "observation_bytes": 2_048}
"""What must be left for another look. A call for the report is always kept by the runtime."""


def next_calls(prompt: Prompt) -> tuple[Call, ...]:
    """Return the calls of the next reply: looks, or claims, or the report."""
    lookups = lookups_of(prompt.obligations) or tuple(_of_the_objective(prompt))
    answers = [answer_to(lookup, prompt) for lookup in lookups[:LOOKUPS_MAX]]
    answers += [Answer(lookup, doubts=[TOO_MANY]) for lookup in lookups[LOOKUPS_MAX:]]
    if may_look(prompt) and (looks := _looks(prompt, answers)):
        return looks
    if may_look(prompt) and (searches := opposing_looks(prompt, answers)):
        return searches
    mind_opposing(prompt, answers)
    claims = claims_of(answers)
    is_first = "record_claim" in prompt.functions and not prompt.looks.made["record_claim"]
    if claims and is_first and prompt.phase != "REPORT" and prompt.left("model_calls") >= 1:
        return claims[:CLAIMS_A_REPLY_MAX]
    return (report_of(prompt, answers),)


def _of_the_objective(prompt: Prompt) -> Iterator[Lookup]:
    """Yield what the objective asks for where no question is understood: that helps, and answers
    none of them."""
    obligation_id, question = prompt.obligations[0]
    for lookup in lookups_of([(obligation_id, prompt.objective)]):
        yield replace(lookup, unread=question[:QUESTION_CHARACTERS_MAX])


def may_look(prompt: Prompt) -> bool:
    enough = all(prompt.left(limit) >= least for limit, least in LEFT_MIN.items())
    return enough and prompt.phase != "REPORT"


def _looks(prompt: Prompt, answers: list[Answer]) -> tuple[Call, ...]:
    """Return the agenda's looks and those that the answers need, each as often as it is useful."""
    wanted = (*prompt.agenda, *(call for answer in answers for call in answer.needs))
    looks: list[Call] = []
    room = SHOWN_BYTES_MAX - prompt.shown_bytes
    for call in dict.fromkeys(wanted):
        if _bytes_of(call) <= room and _is_useful(prompt, call):
            looks.append(call)
            room -= _bytes_of(call)
    return tuple(looks[: min(LOOKS_A_REPLY_MAX, int(prompt.left("tools")))])


def _bytes_of(call: Call) -> int:
    """Guess how much a look adds to the prompt."""
    given = dict(call.arguments)
    first, last = given.get("start_line"), given.get("end_line")
    if isinstance(first, int) and isinstance(last, int):
        return (last - first) * LINE_BYTES
    return SEARCH_BYTES


def _is_useful(prompt: Prompt, call: Call) -> bool:
    if call.name not in prompt.functions or call in prompt.looks.failed:
        return False
    if call.name == "rtk_read" and call.path not in prompt.looks.files and prompt.left("files") < 1:
        return False
    return prompt.looks.asked[call] < (ASKED_MAX if call in prompt.looks.unseen else 1)
