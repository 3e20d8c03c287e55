"""Where a name stands in a repository, from what was searched and read so far.

A name and a `Prompt` enter, a `Survey` leaves: the sites that are sure, the looks that are still
needed, and the doubts that no further look can settle. The rule it keeps: a survey is complete only
if one search showed every line with the name, and each line that could count was judged in its
file, read from the first line on.
"""

from dataclasses import dataclass, field, replace
from itertools import groupby

from codex_oss.rehearsal.candidates import (
    LIST_ENDS,
    may_be_called,
    may_define,
    may_define_in_list,
    narrower_patterns,
)
from codex_oss.rehearsal.judging import sites_in
from codex_oss.rehearsal.languages import Language, language_of
from codex_oss.rehearsal.masking import Source, source_of
from codex_oss.rehearsal.questions import Intent
from codex_oss.rehearsal.reading import Call, File, Hit, Prompt, Search
from codex_oss.rehearsal.sites import Owner, Site

MATCHES_MAX = 500  # The most a search shows.
LINES_BEHIND = 40  # Read beyond a line, for what a signature or a value still needs.
LINES_BEHIND_MIN = 10  # Enough of them where a reading was cut.
LINES_FURTHER = 300  # Read when that was not enough.
CITED_LINES_MAX = 12  # Of one place: a reviewer wants the line, not the body.


@dataclass(frozen=True, slots=True)
class Place:
    """A judged site in its file."""

    path: str
    site: Site
    ref: str
    owner_ref: str = ""

    @property
    def where(self) -> str:
        return f"{self.path}:{self.site.line}"

    @property
    def owner(self) -> Owner | None:
        """The innermost class or function round it that has a name."""
        return next((owner for owner in reversed(self.site.owners) if owner.name), None)

    @property
    def chain(self) -> tuple[str, ...]:
        """The names in front of this one: folders, module, classes, functions."""
        folders = self.path.split("/")
        stem = folders.pop().partition(".")[0]
        inner = () if stem in ("__init__", "index", "mod", "lib", "main") else (stem,)
        return (*folders, *inner, *(owner.name for owner in self.site.owners))


@dataclass(slots=True)
class Survey:
    """`needs` come in the order of their worth. `search` is the one that showed the lines."""

    name: str
    places: list[Place] = field(default_factory=list)
    needs: list[Call] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    search: Search | None = None

    @property
    def is_settled(self) -> bool:
        return not self.needs and not self.doubts


def survey(prompt: Prompt, name: str, intent: Intent, path: str = "") -> Survey:
    """Return what is known of `name` in `path`, or in the whole scope."""
    result = Survey(name)
    search = _searched(prompt, result, intent, path)
    if search is None:
        return result
    result.search = search
    for file, hits in groupby(
        sorted(search.hits, key=lambda h: (h.path, h.line)), lambda h: h.path
    ):
        _survey_file(prompt, result, intent, file, tuple(hits))
    result.needs.sort(key=lambda call: int(str(dict(call.arguments).get("end_line", 0))))
    return result


def search_call(name: str, path: str = "") -> Call:
    """Return the search for every line with `name`."""
    where = {"path": path} if path else {}
    return Call.of(
        "rtk_grep",
        f"Every line with `{name}`: where it is defined and used shows among them.",
        pattern=name,
        fixed_strings=True,
        word=True,
        max_results=MATCHES_MAX,
        **where,
    )


def _searched(prompt: Prompt, result: Survey, intent: Intent, path: str) -> Search | None:
    """Return the hits to judge: of the plain search, or of narrower ones where that was cut."""
    plain = search_call(result.name, path)
    if "rtk_grep" not in prompt.functions and plain not in prompt.searches:
        return _shown_lines(prompt, result)
    search = _result_of(prompt, result, plain)
    if search is None or search.is_complete:
        return search
    narrower = [
        Call.of(
            "rtk_grep",
            f"Too many lines with `{result.name}`: only those that could count.",
            pattern=pattern,
            max_results=MATCHES_MAX,
            **({"path": path} if path else {}),
        )
        for pattern in narrower_patterns(result.name, intent)
    ]
    if intent == "use":
        result.doubts.append(f"the search for `{result.name}` was cut: there are more lines")
        return search
    found = [_result_of(prompt, result, call) for call in narrower]
    hits = dict.fromkeys(hit for each in found if each for hit in each.hits)
    if not all(each and each.is_complete for each in found) and not result.needs:
        result.doubts.append(f"the search for `{result.name}` was cut: there are more lines")
    lines = {(hit.path, hit.line): hit for hit in hits}
    return Search(search.ref, tuple(lines.values()), is_complete=not result.doubts)


def _result_of(prompt: Prompt, result: Survey, call: Call) -> Search | None:
    """Return what a call found; else it becomes a need, or a doubt where it failed."""
    if call in prompt.searches:
        return prompt.searches[call]
    if call in prompt.failed:
        result.doubts.append(f"a search for `{result.name}` failed: {prompt.failed[call][:100]}")
    else:
        result.needs.append(call)
    return None


def _shown_lines(prompt: Prompt, result: Survey) -> Search:
    """Return the lines with the name among those shown, where nothing can be searched. They are
    all there are if the scope is nothing but files that were shown whole."""
    hits = [
        Hit(path, number, text, "")
        for path, file in prompt.files.items()
        for number, text in sorted(file.lines.items())
        if result.name in text
    ]
    whole = {path for path, file in prompt.files.items() if file.is_whole}
    is_complete = bool(prompt.paths) and not prompt.roots and set(prompt.paths) <= whole
    if not is_complete:
        result.doubts.append("only the files shown were looked at, and nothing can be searched")
    return Search("", tuple(hits), is_complete)


def _survey_file(
    prompt: Prompt, result: Survey, intent: Intent, path: str, hits: tuple[Hit, ...]
) -> None:
    file = prompt.files.get(path, File())
    first_line = file.lines.get(1) or next((hit.text for hit in hits if hit.line == 1), "")
    language = language_of(path, first_line)
    lines = [hit.line for hit in hits if _counts(result.name, intent, hit.text, language)]
    weak = [
        hit.line
        for hit in hits
        if intent in ("define", "value", "")
        and hit.line not in lines
        and may_define_in_list(result.name, hit.text, language)
    ]
    if weak and _has_lists(prompt, result, path):
        lines = sorted((*lines, *weak))
    if not lines:
        return
    if language is None:
        result.doubts.append(f"`{path}` line {lines[0]} may count, but its language is not known")
    elif source := _source(prompt, result, path, file, language, lines[-1]):
        _judge(result, file, source, {hit.line for hit in hits})


def _counts(name: str, intent: Intent, line: str, language: Language | None) -> bool:
    if intent == "call":
        return may_be_called(name, line, language)
    if intent == "use":
        return language is None or language.layout in ("indent", "brace")
    return may_define(name, line, language)


def _has_lists(prompt: Prompt, result: Survey, path: str) -> bool:
    """Whether a list over several lines may define names in this file; asked once a mission."""
    if "rtk_grep" not in prompt.functions:
        return True
    call = Call.of(
        "rtk_grep",
        "Where a list over several lines defines names, a line of such a list may be a definition.",
        pattern=LIST_ENDS,
        max_results=MATCHES_MAX,
    )
    search = prompt.searches.get(call)
    if search is None and call not in prompt.failed:
        if call not in result.needs:
            result.needs.insert(0, call)
        return False
    return search is None or not search.is_complete or any(hit.path == path for hit in search.hits)


def _source(
    prompt: Prompt, result: Survey, path: str, file: File, language: Language, last: int
) -> Source | None:
    """Return the file as far as it must be known to judge its line `last`."""
    known = file.lines_from_first
    if known and known >= min(last + LINES_BEHIND_MIN, file.total_lines):
        text = "\n".join(file.lines[number] for number in range(1, known + 1))
        return source_of(path, language, text)
    call = _reading(path, known + 1, last + LINES_BEHIND)
    if _may_ask(prompt, result, call):
        result.needs.append(call)
    return None


def _reading(path: str, first: int, last: int) -> Call:
    reason = f"Lines {first}-{last} show whether the name is code there, and in which block."
    return Call.of("rtk_read", reason, path=path, start_line=first, end_line=last)


def _may_ask(prompt: Prompt, result: Survey, call: Call) -> bool:
    if "rtk_read" not in prompt.functions or call in prompt.failed:
        why = prompt.failed.get(call, "nothing can be read")
        result.doubts.append(f"`{call.path}` could not be judged: {why[:100]}")
        return False
    return True


def _judge(result: Survey, file: File, source: Source, hit_lines: set[int]) -> None:
    sites = [site for site in sites_in(source, result.name) if site.line in hit_lines]
    known = file.lines_from_first
    for site in sites:
        if site.line > source.sure_lines:
            result.doubts.append(f"`{source.path}` line {site.line} stands behind a cut line")
        elif site.is_definition and site.last_line >= known < file.total_lines:
            last = min(file.total_lines, known + LINES_FURTHER)
            result.needs.append(_reading(source.path, known + 1, last))
        else:
            result.places.append(_place(file, source.path, site))


def _place(file: File, path: str, site: Site) -> Place:
    last = min(max(site.line, site.last_line), site.line + CITED_LINES_MAX - 1)
    place = Place(path, site, file.ref_of(site.line, last))
    owner = place.owner
    return replace(place, owner_ref=file.ref_of(owner.line, owner.line)) if owner else place
