"""What a name is set to, what a parameter defaults to, what a key is mapped to.

An `Answer` and a `Prompt` enter; the answer gets findings, needs and doubts.
"""

import re
from collections.abc import Iterable, Iterator

from codex_oss.rehearsal.answers import (
    Answer,
    Finding,
    defined,
    owned,
    refs_of,
    say_nothing,
    target_of,
)
from codex_oss.rehearsal.languages import language_of
from codex_oss.rehearsal.phrases import KEYS, PARAMETERS
from codex_oss.rehearsal.questions import Lookup
from codex_oss.rehearsal.reading import Prompt
from codex_oss.rehearsal.signatures import Parameter, parameter_of
from codex_oss.rehearsal.sites import Owner
from codex_oss.rehearsal.surveying import Place, Survey, Target, survey

VALUE_CHARACTERS_MAX = 150  # Quoted of a value; a longer one is named by its lines.
VALUED = ("constant", "attribute", "key", "macro")
CALLABLE = ("function", "method")


def value(answer: Answer, prompt: Prompt) -> None:
    lookup = answer.lookup
    of_function = lookup.owners and (lookup.kind in PARAMETERS or not lookup.name.isupper())
    if of_function and _parameter(answer, prompt):
        return
    if answer.needs:
        return
    known = survey(prompt, target_of(lookup))
    answer.take(known)
    chosen = owned(answer, _valued(answer, known))
    answer.findings += [_set_to(lookup, place) for place in chosen]
    if any(place.site.kind == "mapped" for place in chosen):
        _mind_mappings(answer, known)
    if bare := [place for place in chosen if not place.site.value and not place.site.is_shared]:
        answer.doubts.append(f"`{lookup.name}` has no value where it is declared: {bare[0].where}")
    if chosen and not lookup.owners:
        _mind_namesakes(answer, known, chosen)
    _mind_secrets(answer, (place.site.value for place in chosen))
    if any(place.site.is_shared for place in chosen):
        answer.doubts.append("one value is given to several names, and its parts do not show")
    changed = [place for place in known.places if place.site.kind == "changed"]
    if changed:
        answer.doubts.append(f"`{lookup.name}` is changed later, first at {changed[0].where}")
    if not chosen and not answer.needs:
        found = known.definitions
        answer.findings += [defined(lookup, place) for place in found]
        if found:
            answer.doubts.append(f"`{lookup.name}` is nothing that has a value")
        say_nothing(answer, known, prompt)


def _valued(answer: Answer, known: Survey) -> list[Place]:
    """Return what has a value: names that are assigned, else keys of mappings; keys first where
    the question says that it asks for one."""
    assigned = [place for place in known.places if place.site.kind in VALUED]
    mapped = [place for place in known.places if place.site.kind in ("entry", "mapped")]
    if assigned and mapped:
        answer.caveats.append(
            f"`{answer.lookup.name}` is assigned, and is a key of mappings too: {mapped[0].where}."
        )
    is_key = answer.lookup.kind in KEYS and not any(p.site.kind == "key" for p in assigned)
    return (mapped or assigned) if is_key else (assigned or mapped)


def _mind_namesakes(answer: Answer, known: Survey, chosen: list[Place]) -> None:
    """A question without an owner may mean a parameter, or what is set through a dot."""
    name = answer.lookup.name
    taken = [place for place in known.places if place.site.kind == "parameter"]
    if taken and not name.isupper() and answer.lookup.kind not in KEYS:
        answer.doubts.append(f"`{name}` is a parameter too, first at {taken[0].where}")
    if known.search is None or any(place.site.kind == "mapped" for place in chosen):
        return
    is_set = re.compile(rf"\.{re.escape(name)}\s*(?::[^=]*)?=(?!=)")
    if dotted := [hit for hit in known.search.hits if is_set.search(hit.text)]:
        where = f"{dotted[0].path}:{dotted[0].line}"
        answer.doubts.append(f"something else's `{name}` is set through a dot at {where}")


def _mind_mappings(answer: Answer, known: Survey) -> None:
    """Other places may give the same key another value."""
    for kind, what in (("remapped", "assigned anew"), ("fallback", "given a fallback")):
        if other := next((place for place in known.places if place.site.kind == kind), None):
            answer.doubts.append(f"the key `{answer.lookup.name}` is {what} at {other.where}")


def _set_to(lookup: Lookup, place: Place) -> Finding:
    inside = f" of `{place.owner.name}`" if place.owner else ""
    what = f"`{lookup.name}`{inside}"
    where = f"in `{place.path}` at line {place.site.line}"
    value = place.site.value
    if place.site.is_shared:
        return Finding(f"{what} is set together with other names {where}.", refs_of(place))
    if not value:
        return Finding(f"{what} stands {where} without a value of its own.", refs_of(place))
    if not _is_quotable(value):
        return Finding(f"{what} is set to what stands {where}.", refs_of(place))
    return Finding(f"{what} is set to `{value}` {where}.", refs_of(place), value)


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
    functions = list(_constructed(answer, prompt, owned(owner, found)))
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
    refs = dict.fromkeys((*refs_of(place)[:1], file.ref_of(first, last), *refs_of(place)[1:]))
    of = f"`{lookup.name}` of `{function}`"
    where = f"in `{place.path}` at line {first}"
    default = parameter.default
    if default is None:
        return Finding(f"{of} has no default {where}: a caller must say it.", tuple(refs))
    if not _is_quotable(default):
        return Finding(f"{of} defaults to what stands {where}.", tuple(refs))
    return Finding(f"{of} defaults to `{default}` {where}.", tuple(refs), default)
