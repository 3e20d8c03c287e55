"""An answer to one look-up, and what all kinds of answers have in common: where a name is defined.

The rule it keeps: an answer without needs and doubts is the whole answer; whatever was not seen,
or not understood, is a doubt.
"""

import re
from dataclasses import dataclass, field

from codex_oss.rehearsal.phrases import PARAMETERS
from codex_oss.rehearsal.questions import Lookup
from codex_oss.rehearsal.reading import Call, Prompt
from codex_oss.rehearsal.sites import DEFINITIONS
from codex_oss.rehearsal.surveying import Place, Survey, Target, survey

MENTIONS_MAX = 5  # Lines shown where nothing better was found.
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


def define(answer: Answer, prompt: Prompt) -> None:
    lookup = answer.lookup
    known = survey(prompt, target_of(lookup))
    answer.take(known)
    chosen = of_kind(answer, owned(answer, known.definitions))
    answer.findings += [defined(lookup, place) for place in chosen]
    if not chosen and not answer.needs:
        say_nothing(answer, known, prompt)


def target_of(lookup: Lookup) -> Target:
    owner = lookup.owners[-1] if lookup.owners else ""
    is_opened, is_key = lookup.kind in OPENED, lookup.kind == "key" and lookup.intent == "value"
    return Target(lookup.name, lookup.intent, lookup.path, owner, is_opened, is_key)


def owned(answer: Answer, found: list[Place]) -> list[Place]:
    """Return the places that belong where the question says. None: all of them, with a doubt."""
    owners = answer.lookup.owners
    exact = [place for place in found if place.chain[-len(owners) :] == owners] if owners else found
    if exact or not found:
        return exact
    exported = [place for place in found if _is_exported(place, owners)]
    if len(exported) == 1:
        return exported
    near = [place for place in found if set(owners) & set(place.chain)]
    answer.doubts.append(f"no definition stands in `{'.'.join(owners)}` itself")
    return near or found


def _is_exported(place: Place, owners: tuple[str, ...]) -> bool:
    """Whether the owners are packages round the place's module, whose names they give as theirs."""
    return not place.site.owners and place.chain[:-1][-len(owners) :] == owners


def of_kind(answer: Answer, found: list[Place]) -> list[Place]:
    kind = answer.lookup.kind
    fitting = [place for place in found if kind in DEFINITIONS[place.site.kind].split()]
    if kind and found and not fitting and kind not in PARAMETERS:
        answer.doubts.append(f"no {kind} is called so, but something else is")
    return fitting or found


def defined(lookup: Lookup, place: Place) -> Finding:
    kind = place.site.kind
    what = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    what += f" of `{place.owner.name}`" if place.owner else ""
    where = f"in `{place.path}` at line {place.site.line}"
    return Finding(f"`{lookup.name}` is defined as {what} {where}.", refs_of(place), place.where)


def refs_of(place: Place) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ref for ref in (place.ref, place.owner_ref) if ref))


def say_nothing(answer: Answer, known: Survey, prompt: Prompt) -> None:
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
