"""What can be answered to one look-up, from what was searched and read so far.

A `Lookup` and a `Prompt` enter, an `Answer` leaves: findings with their references, the looks that
are still needed, and every doubt. The rule it keeps: an answer without needs and doubts is the
whole answer; whatever was not seen, or not understood, is a doubt.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from codex_oss.rehearsal.languages import language_of
from codex_oss.rehearsal.questions import PARAMETERS, Intent, Lookup
from codex_oss.rehearsal.reading import Call, Prompt
from codex_oss.rehearsal.signatures import Parameter, parameter_of
from codex_oss.rehearsal.sites import CALLS, DEFINITIONS, NOT_USES, Owner
from codex_oss.rehearsal.surveying import Place, Survey, Target, search_call, survey

VALUE_CHARACTERS_MAX = 150  # Quoted of a value; a longer one is named by its lines.
REFS_A_FINDING_MAX = 15
MENTIONS_MAX = 5  # Lines shown where nothing better was found.
VALUED = ("constant", "attribute", "key", "macro")
CALLABLE = ("function", "method")
OPENED = ("function", "method", "class")  # Words for what has a body.


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim with what shows it. `value` is the answer itself, if there is just this one."""

    claim: str
    refs: tuple[str, ...]
    value: str = ""


@dataclass(slots=True)
class Answer:
    lookup: Lookup
    findings: list[Finding] = field(default_factory=list)
    needs: list[Call] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return bool(self.findings) and not self.needs and not self.doubts

    def take(self, known: Survey) -> None:
        self.needs += [call for call in known.needs if call not in self.needs]
        self.doubts += [doubt for doubt in known.doubts if doubt not in self.doubts]


def answer_to(lookup: Lookup, prompt: Prompt) -> Answer:
    answer = Answer(lookup)
    ANSWERS[lookup.intent](answer, prompt)
    if lookup.unread:
        answer.doubts.append(f"the question also says `{lookup.unread}`, which no look-up minds")
    return answer


# ---- where is it defined -------------------------------------------------------------------------


def _define(answer: Answer, prompt: Prompt) -> None:
    lookup = answer.lookup
    known = survey(prompt, target_of(lookup))
    answer.take(known)
    chosen = _of_kind(answer, _owned(answer, known.definitions))
    answer.findings += [_defined(lookup, place) for place in chosen]
    if not chosen and not answer.needs:
        _nothing(answer, known, prompt)


def target_of(lookup: Lookup) -> Target:
    owner = lookup.owners[-1] if lookup.owners else ""
    return Target(lookup.name, lookup.intent, lookup.path, owner, lookup.kind in OPENED)


def _owned(answer: Answer, found: list[Place]) -> list[Place]:
    """Return the places that belong where the question says. None: all of them, with a doubt."""
    owners = answer.lookup.owners
    exact = [place for place in found if place.chain[-len(owners) :] == owners] if owners else found
    if exact or not found:
        return exact
    near = [place for place in found if set(owners) & set(place.chain)]
    answer.doubts.append(f"no definition stands in `{'.'.join(owners)}` itself")
    return near or found


def _of_kind(answer: Answer, found: list[Place]) -> list[Place]:
    kind = answer.lookup.kind
    fitting = [place for place in found if kind in DEFINITIONS[place.site.kind].split()]
    if kind and found and not fitting and kind not in PARAMETERS:
        answer.doubts.append(f"no {kind} is called so, but something else is")
    return fitting or found


def _defined(lookup: Lookup, place: Place) -> Finding:
    kind = place.site.kind
    what = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    what += f" of `{place.owner.name}`" if place.owner else ""
    where = f"in `{place.path}` at line {place.site.line}"
    return Finding(f"`{lookup.name}` is defined as {what} {where}.", _refs(place), place.where)


def _refs(place: Place) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref for ref in (place.ref, place.owner_ref) if ref))


def mentions(answer: Answer, prompt: Prompt) -> list[Finding]:
    """Return lines that have the name, for an answer that has nothing better to show."""
    lookup = answer.lookup
    for name in (lookup.name, *reversed(lookup.owners)):
        search = prompt.looks.searches.get(search_call(name, lookup.path))
        if search and search.hits:
            return [
                Finding(f"`{name}` stands in `{hit.path}` at line {hit.line}.", (hit.ref,))
                for hit in search.hits[:MENTIONS_MAX]
            ]
    return []


def _nothing(answer: Answer, known: Survey, prompt: Prompt) -> None:
    """Say that there is no definition: proven where the name stands nowhere, else with a doubt."""
    name, search = answer.lookup.name, known.search
    if search is None or answer.doubts:
        return
    if search.hits:
        answer.doubts.append(f"`{name}` stands in the scope, but nothing there defines it")
        return
    other = Call.of(
        "rtk_grep",
        f"No line has `{name}`: perhaps it is written in other letters.",
        pattern=rf"(?i)\b{re.escape(name)}\b",
        max_results=MENTIONS_MAX,
    )
    if other not in prompt.looks.searches and other not in prompt.looks.failed:
        answer.needs.append(other)
        return
    alike = prompt.looks.searches[other].hits if other in prompt.looks.searches else ()
    if alike:
        spelled = re.search(rf"(?i)\b{re.escape(name)}\b", alike[0].text)
        answer.doubts.append(f"no line has `{name}`, but some have `{spelled and spelled[0]}`")
    elif search.ref:
        where = f" in `{answer.lookup.path}`" if answer.lookup.path else ""
        claim = f"No line of the searched files{where} has `{name}`."
        answer.findings.append(Finding(claim, (f"{search.ref}#zero_match",)))


# ---- who calls it, where is it used --------------------------------------------------------------


def _call(answer: Answer, prompt: Prompt) -> None:
    _uses(answer, prompt, "call", lambda place: place.site.kind in CALLS)


def _use(answer: Answer, prompt: Prompt) -> None:
    _uses(answer, prompt, "use", lambda place: place.site.kind not in NOT_USES)


def _uses(answer: Answer, prompt: Prompt, intent: Intent, counts: Callable[[Place], bool]) -> None:
    lookup = answer.lookup
    known = survey(prompt, Target(lookup.name, intent, lookup.path))
    answer.take(known)
    if lookup.owners:
        _mind_owners(answer, prompt)
    found = [place for place in known.places if counts(place)]
    for path, places in groupby(found, lambda place: place.path):
        by_owner = groupby(places, lambda place: place.owner)
        for owner, calls in by_owner:
            answer.findings += _used(lookup, path, owner.name if owner else "", list(calls))
    answer.caveats.append(
        f"Told by the name `{lookup.name}` alone: what stands before a dot is not resolved."
    )
    if not found and not answer.needs:
        _unused(answer, known, prompt)


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
    verb = "calls" if lookup.intent == "call" else "uses"
    outside = "" if places[0].site.owners else ", outside any function,"
    subject = f"`{owner}` in `{path}`" if owner else f"`{path}`{outside}"
    lines = {place.site.line: place for place in places}
    numbers = list(lines)
    for at in range(0, len(numbers), REFS_A_FINDING_MAX):
        some = numbers[at : at + REFS_A_FINDING_MAX]
        refs = [lines[number].ref for number in some]
        refs += [places[0].owner_ref] if owner else []
        listed = f"line {some[0]}" if len(some) == 1 else f"lines {', '.join(map(str, some))}"
        yield Finding(
            f"{subject} {verb} `{lookup.name}` at {listed}.",
            tuple(dict.fromkeys(refs)),
            f"{path}:{some[0]}" if len(numbers) == 1 else "",
        )


def _unused(answer: Answer, known: Survey, prompt: Prompt) -> None:
    name, search = answer.lookup.name, known.search
    if search is None or answer.doubts:
        return
    if not search.hits:
        _nothing(answer, known, prompt)
    elif search.ref:
        verb = "calls" if answer.lookup.intent == "call" else "uses"
        answer.findings.append(
            Finding(f"Of the lines that have `{name}`, none {verb} it.", (search.ref,))
        )


# ---- what does it default to ---------------------------------------------------------------------


def _value(answer: Answer, prompt: Prompt) -> None:
    lookup = answer.lookup
    of_function = lookup.owners and (lookup.kind in PARAMETERS or not lookup.name.isupper())
    if of_function and _parameter(answer, prompt):
        return
    if answer.needs:
        return
    known = survey(prompt, target_of(lookup))
    answer.take(known)
    found = [place for place in known.places if place.site.kind in VALUED] or [
        place for place in known.places if place.site.kind == "entry"
    ]
    chosen = _owned(answer, found)
    answer.findings += [_set_to(lookup, place) for place in chosen]
    _mind_secrets(answer, (place.site.value for place in chosen))
    if any(place.site.is_shared for place in chosen):
        answer.doubts.append("one value is given to several names, and its parts do not show")
    changed = [place for place in known.places if place.site.kind == "changed"]
    if changed:
        answer.doubts.append(f"`{lookup.name}` is changed later, first at {changed[0].where}")
    if not chosen and not answer.needs:
        defined = known.definitions
        answer.findings += [_defined(lookup, place) for place in defined]
        if defined:
            answer.doubts.append(f"`{lookup.name}` is nothing that has a value")
        _nothing(answer, known, prompt)


def _set_to(lookup: Lookup, place: Place) -> Finding:
    inside = f" of `{place.owner.name}`" if place.owner else ""
    what = f"`{lookup.name}`{inside}"
    where = f"in `{place.path}` at line {place.site.line}"
    value = place.site.value
    if place.site.is_shared:
        return Finding(f"{what} is set together with other names {where}.", _refs(place))
    if not value:
        return Finding(f"{what} stands {where} without a value of its own.", _refs(place))
    if not _is_quotable(value):
        return Finding(f"{what} is set to what stands {where}.", _refs(place))
    return Finding(f"{what} is set to `{value}` {where}.", _refs(place), value)


def _is_quotable(value: str) -> bool:
    return len(value) <= VALUE_CHARACTERS_MAX and not set(value) & {"\n", "`"}


def _mind_secrets(answer: Answer, values: Iterable[str | None]) -> None:
    if any("[redacted:" in (value or "") for value in values):
        answer.doubts.append("a value is a secret, or looks like one, and is not shown whole")


def _parameter(answer: Answer, prompt: Prompt) -> bool:
    """Answer what a parameter of a function defaults to; `False` where the owner is no function."""
    lookup = answer.lookup
    *outer, function = lookup.owners
    owner = Answer(Lookup("", "define", function, tuple(outer), lookup.path, "function"))
    known = survey(prompt, target_of(owner.lookup))
    answer.take(known)
    found = [place for place in known.places if place.site.kind in (*CALLABLE, "class", "struct")]
    functions = list(_constructed(answer, prompt, _owned(owner, found)))
    answered = [
        (place, parameter)
        for place in functions
        if (parameter := _parameter_of(place, lookup.name)) is not None
    ]
    if not answered and not answer.needs and lookup.kind in PARAMETERS:
        answer.doubts.append(f"no `{function}` with a parameter `{lookup.name}` was found")
    if not answered:
        return bool(answer.needs) or lookup.kind in PARAMETERS
    answer.doubts += owner.doubts
    answer.findings += [_defaults(lookup, function, *each, prompt) for each in answered]
    _mind_secrets(answer, (parameter.default for _, parameter in answered))
    return True


def _constructed(answer: Answer, prompt: Prompt, found: Iterable[Place]) -> Iterator[Place]:
    """Yield functions as they are, and the constructor of each class."""
    for place in found:
        if place.site.kind in CALLABLE:
            yield place
            continue
        language = language_of(place.path)
        name = {"Python": "__init__", "Ruby": "initialize"}.get(language.name if language else "")
        known = survey(prompt, Target(name or "constructor", path=place.path))
        answer.take(known)
        for inner in known.places:
            if inner.owner == Owner(answer.lookup.owners[-1], "class", place.site.line):
                yield inner


def _parameter_of(place: Place, name: str) -> Parameter | None:
    language = language_of(place.path)
    if language is None or place.site.signature is None:
        return None
    return parameter_of(place.site.signature.text, name, language)


def _defaults(
    lookup: Lookup, function: str, place: Place, parameter: Parameter, prompt: Prompt
) -> Finding:
    start = place.site.signature.line if place.site.signature else place.site.line
    first, last = start + parameter.first_line, start + parameter.last_line
    file = prompt.looks.files[place.path]
    refs = dict.fromkeys((*_refs(place)[:1], file.ref_of(first, last), *_refs(place)[1:]))
    of = f"`{lookup.name}` of `{function}`"
    where = f"in `{place.path}` at line {first}"
    default = parameter.default
    if default is None:
        return Finding(f"{of} has no default {where}: a caller must say it.", tuple(refs))
    if not _is_quotable(default):
        return Finding(f"{of} defaults to what stands {where}.", tuple(refs))
    return Finding(f"{of} defaults to `{default}` {where}.", tuple(refs), default)


# ---- anything else -------------------------------------------------------------------------------


def _mention(answer: Answer, prompt: Prompt) -> None:
    """Show where the names of a question stand: this planner cannot answer more of it."""
    _define(answer, prompt)
    answer.doubts.append(
        f"this is more than a look-up: only where `{answer.lookup.symbol}` stands was looked for"
    )


ANSWERS: dict[Intent, Callable[[Answer, Prompt], None]] = {
    "define": _define,
    "call": _call,
    "use": _use,
    "value": _value,
    "": _mention,
}
