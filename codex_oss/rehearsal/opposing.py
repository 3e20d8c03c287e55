"""What would contradict an answer: where a name is set in ways that no look-up follows.

Answers and a `Prompt` enter; leave the searches that are still to be made, and what those that were
made say against an answer. Only an open investigation asks for them.
"""

import re
from collections.abc import Iterator

from codex_oss.rehearsal.answers import Answer
from codex_oss.rehearsal.reading import CONTRADICTION, Call, Hit, Prompt, Search

MATCHES_MAX = 100
SEARCHES_A_REPLY_MAX = 1  # The first that looks elsewhere may end the exploration.
_CITED = re.compile(r"file:(?P<path>[^#]+)#extract:\d+@L(?P<first>\d+)-L(?P<last>\d+)")


def opposing_looks(prompt: Prompt, answers: list[Answer]) -> tuple[Call, ...]:
    """Return the searches to make next; none where one has looked at other places already."""
    if not prompt.is_open or any(_is_elsewhere(s, prompt, answers) for s in _made(prompt, answers)):
        return ()
    waiting = [
        call
        for answer in answers
        for call in _searches(answer)
        if call not in prompt.looks.asked and call not in prompt.looks.failed
    ]
    return tuple(dict.fromkeys(waiting))[:SEARCHES_A_REPLY_MAX]


def mind_opposing(prompt: Prompt, answers: list[Answer]) -> None:
    """Add to each answer what speaks against it."""
    for answer in answers:
        direct, *_ = _searches(answer)
        search = prompt.looks.searches.get(direct)
        name, cited = answer.lookup.name, _cited(prompt, [answer])
        others = [h for h in search.hits if (h.path, h.line) not in cited] if search else []
        is_set = re.compile(rf"\.{re.escape(name)}\s*=(?!=)")
        if assigned := [hit for hit in others if is_set.search(hit.text)]:
            answer.doubts.append(f"`{name}` is set through a dot too, first at {_where(assigned)}")
        elif others:
            answer.caveats.append(
                f"`{name}` stands in quotes too, first at {_where(others)}: what goes by its text"
                " is not followed."
            )


def _where(hits: list[Hit]) -> str:
    return f"{hits[0].path}:{hits[0].line}"


def _searches(answer: Answer) -> Iterator[Call]:
    name = re.escape(answer.lookup.name)
    for reason, pattern in (
        (
            "Set through a dot, or found by its text: that would contradict the answer.",
            rf"\.{name}\s*=(?:[^=]|$)|[\"']{name}[\"']",
        ),
        ("In other letters, or in words: that would contradict the answer.", rf"(?i)\b{name}"),
    ):
        yield Call.of(
            *("rtk_grep", reason),
            pattern=pattern,
            max_results=MATCHES_MAX,
            target_question=CONTRADICTION,
        )


def _made(prompt: Prompt, answers: list[Answer]) -> Iterator[Search]:
    for call in dict.fromkeys(call for answer in answers for call in _searches(answer)):
        if call in prompt.looks.searches:
            yield prompt.looks.searches[call]


def _is_elsewhere(search: Search, prompt: Prompt, answers: list[Answer]) -> bool:
    """Whether it showed that there is none, or other places than those that are cited."""
    if not search.hits:
        return search.is_complete
    cited = _cited(prompt, answers)
    return any((hit.path, hit.line) not in cited for hit in search.hits)


def _cited(prompt: Prompt, answers: list[Answer]) -> set[tuple[str, int]]:
    matches = {h.ref: (h.path, h.line) for s in prompt.looks.searches.values() for h in s.hits}
    places = set()
    for ref in (ref for answer in answers for f in answer.findings for ref in f.refs):
        if ref in matches:
            places.add(matches[ref])
        elif found := _CITED.fullmatch(ref):
            lines = range(int(found["first"]), int(found["last"]) + 1)
            places |= {(found["path"], line) for line in lines}
    return places
