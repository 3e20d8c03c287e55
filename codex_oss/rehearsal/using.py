"""Who calls a name, where it is used, raised, imported or mentioned.

An `Answer` and a `Prompt` enter; the answer gets findings, needs and doubts.
"""

from collections.abc import Callable, Iterator
from itertools import groupby

from codex_oss.rehearsal.answers import Answer, Finding, say_nothing
from codex_oss.rehearsal.languages import language_of
from codex_oss.rehearsal.phrases import Intent
from codex_oss.rehearsal.questions import Lookup
from codex_oss.rehearsal.reading import Hit, Prompt
from codex_oss.rehearsal.sites import CALLS, NOT_USES
from codex_oss.rehearsal.surveying import Place, Survey, Target, survey

REFS_A_FINDING_MAX = 15


VERBS: dict[Intent, str] = {
    "call": "calls",
    "use": "uses",
    "raise": "raises",
    "import": "imports",
    "mention": "mentions",
}
COUNTS: dict[Intent, Callable[[Place], bool]] = {
    "call": lambda place: place.site.kind in CALLS,
    "use": lambda place: place.site.kind not in NOT_USES,
    "raise": lambda place: place.site.is_raised,
    "import": lambda place: place.site.kind == "import",
}
"""What of a name's places a verb means."""


def uses(answer: Answer, prompt: Prompt) -> None:
    lookup = answer.lookup
    counts = COUNTS[lookup.intent]
    known = survey(prompt, Target(lookup.name, lookup.intent, lookup.path))
    answer.take(known)
    if lookup.owners:
        _mind_owners(answer, prompt)
    found = [place for place in known.places if counts(place)]
    if not found and lookup.intent == "use":  # It is the key of something.
        found = [place for place in known.places if place.site.kind in ("quoted", "remapped")]
    for path, places in groupby(found, lambda place: place.path):
        by_owner = groupby(places, lambda place: place.owner)
        for owner, calls in by_owner:
            answer.findings += _used(lookup, path, owner.name if owner else "", list(calls))
    answer.caveats.append(
        f"Told by the name `{lookup.name}` alone: what stands before a dot is not resolved."
    )
    if lookup.intent == "raise":
        _mind_raising(answer, known)
    if not found and not answer.needs:
        _unused(answer, known, prompt)


def _mind_raising(answer: Answer, known: Survey) -> None:
    """What is made here may be raised there, and some languages have no word for it."""
    name = answer.lookup.name
    answer.caveats.append(
        f"Only statements that raise `{name}` by its name count, no class derived from it."
    )
    made = [p for p in known.places if p.site.kind == "call" and not p.site.is_raised]
    if made:
        answer.doubts.append(f"`{name}` is made without being raised there, at {made[0].where}")
    silent = [p for p in known.places if not _can_raise(p)]
    if silent:
        answer.doubts.append(f"`{silent[0].path}` is in a language without a word for raising")


def _can_raise(place: Place) -> bool:
    language = language_of(place.path)
    return language is not None and language.raises


def mention(answer: Answer, prompt: Prompt) -> None:
    """Show every line that has a text, whether it is code or not."""
    lookup = answer.lookup
    text = ".".join((*lookup.owners, lookup.name))
    known = survey(prompt, Target(text, "mention", lookup.path))
    answer.take(known)
    hits = known.search.hits if known.search else ()
    for path, found in groupby(hits, lambda hit: hit.path):
        rows = list(found)
        for at in range(0, len(rows), REFS_A_FINDING_MAX):
            some = rows[at : at + REFS_A_FINDING_MAX]
            answer.findings.append(_said(f"`{path}` mentions `{text}`", some))
    if not hits and not answer.needs:
        say_nothing(answer, known, prompt)


def _said(what: str, hits: list[Hit]) -> Finding:
    listed = _listed([hit.line for hit in hits])
    return Finding(f"{what} at {listed}.", tuple(hit.ref for hit in hits))


def _mind_owners(answer: Answer, prompt: Prompt) -> None:
    """A dotted name is told by its last part only if nothing else in the scope is called so."""
    lookup = answer.lookup
    known = survey(prompt, Target(lookup.name))
    answer.take(known)
    found = known.definitions
    owned = [place for place in found if place.chain[-len(lookup.owners) :] == lookup.owners]
    if not answer.needs and (len(found) != 1 or found != owned):
        answer.doubts.append(
            f"uses are told by the name `{lookup.name}`, and {len(found)} definitions have it"
        )


def _used(lookup: Lookup, path: str, owner: str, places: list[Place]) -> Iterator[Finding]:
    verb = VERBS[lookup.intent]
    outside = "" if places[0].site.owners else ", outside any function,"
    subject = f"`{owner}` in `{path}`" if owner else f"`{path}`{outside}"
    lines = {place.site.line: place for place in places}
    numbers = list(lines)
    for at in range(0, len(numbers), REFS_A_FINDING_MAX):
        some = numbers[at : at + REFS_A_FINDING_MAX]
        refs = [lines[number].ref for number in some]
        refs += [places[0].owner_ref] if owner else []
        yield Finding(
            f"{subject} {verb} `{lookup.name}` at {_listed(some)}.",
            tuple(dict.fromkeys(refs)),
            f"{path}:{some[0]}" if len(numbers) == 1 else "",
        )


def _listed(numbers: list[int]) -> str:
    return f"line{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def _unused(answer: Answer, known: Survey, prompt: Prompt) -> None:
    name, search = answer.lookup.name, known.search
    if search is None or answer.doubts:
        return
    if not search.hits:
        say_nothing(answer, known, prompt)
    elif handed := _handed_on(answer, known):
        answer.doubts.append(
            f"`{name}` is handed on, and may be called so elsewhere: {handed[0].where}"
        )
    elif search.ref:
        verb = VERBS[answer.lookup.intent]
        answer.findings.append(
            Finding(f"Of the lines that have `{name}`, none {verb} it.", (search.ref,))
        )


def _handed_on(answer: Answer, known: Survey) -> list[Place]:
    """Return where a function is not called, but given to who may call it by another name."""
    is_asked = answer.lookup.intent == "call"
    return [place for place in known.places if is_asked and place.site.kind == "reference"]
