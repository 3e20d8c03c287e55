"""What can be answered to one look-up, from what was searched and read so far.

A `Lookup` and a `Prompt` enter, an `Answer` leaves: findings with their references, the looks that
are still needed, and every doubt. How each intent is answered is in `ANSWERS` and nowhere else.
"""

import re
from collections.abc import Callable

from codex_oss.rehearsal.answers import MENTIONS_MAX, Answer, Finding, define
from codex_oss.rehearsal.phrases import Intent
from codex_oss.rehearsal.questions import Lookup
from codex_oss.rehearsal.reading import Prompt
from codex_oss.rehearsal.surveying import hits_in, is_loose, search_call
from codex_oss.rehearsal.using import COUNTS, mention, uses
from codex_oss.rehearsal.valuing import value

_FILE_REF = re.compile(r"file:([^#]+)#")


def answer_to(lookup: Lookup, prompt: Prompt) -> Answer:
    answer = Answer(lookup)
    ANSWERS[lookup.intent](answer, prompt)
    if lookup.unread and not _is_anyhow(lookup.unread, answer):
        answer.doubts.append(f"the question also says `{lookup.unread}`, which no look-up minds")
    return answer


def _is_anyhow(unread: str, answer: Answer) -> bool:
    """Whether what narrows the question names the folder or module that all findings are in."""
    word = unread.split()[-1]
    refs = [ref for finding in answer.findings for ref in finding.refs]
    paths = [found[1] for ref in refs if (found := _FILE_REF.match(ref))]
    return 0 < len(paths) == len(refs) and all(word in re.split(r"[/.]", path) for path in paths)


def mentions(answer: Answer, prompt: Prompt) -> list[Finding]:
    """Return lines that have the name, for an answer that has nothing better to show."""
    lookup = answer.lookup
    for name in (lookup.name, *reversed(lookup.owners)):
        anywhere = is_loose(prompt, lookup.path)
        search = prompt.looks.searches.get(search_call(name, "" if anywhere else lookup.path))
        if search is None:
            continue
        if hits := hits_in(search, lookup.path) if anywhere else search.hits:
            return [
                Finding(f"`{name}` stands in `{hit.path}` at line {hit.line}.", (hit.ref,))
                for hit in hits[:MENTIONS_MAX]
            ]
    return []


def _not_understood(answer: Answer, prompt: Prompt) -> None:
    """Show where the names of a question stand: this planner cannot answer more of it."""
    define(answer, prompt)
    answer.doubts.append(
        f"this is more than a look-up: only where `{answer.lookup.symbol}` stands was looked for"
    )


ANSWERS: dict[Intent, Callable[[Answer, Prompt], None]] = {
    "define": define,
    "mention": mention,
    "value": value,
    "": _not_understood,
    **dict.fromkeys(COUNTS, uses),
}
