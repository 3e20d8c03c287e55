"""Where a name stands in a repository, from what was searched and read so far.

A `Target` and a `Prompt` enter, a `Survey` leaves: the places that are sure, the looks that are
still needed, and the doubts that no further look can settle. The rule it keeps: a survey is settled
only if a search showed every line with the name, and each line that could count was judged in its
file, read from the first line on.
"""

from dataclasses import dataclass, field, replace
from itertools import groupby

from codex_oss.rehearsal.candidates import (
    LIST_ENDS,
    may_be_called,
    may_be_opened,
    may_be_raised,
    may_change,
    may_define,
    may_define_in_list,
    may_map,
    narrower_patterns,
)
from codex_oss.rehearsal.judging import sites_in
from codex_oss.rehearsal.languages import Language, language_of, shows_in_first_line
from codex_oss.rehearsal.masking import Source, source_of
from codex_oss.rehearsal.phrases import Intent
from codex_oss.rehearsal.reading import Call, File, Hit, Prompt, Search
from codex_oss.rehearsal.sites import Owner, Site

MATCHES_MAX = 500  # The most a search shows.
LINES_BEHIND = 40  # Read beyond a line, for what a signature or a value still needs.
LINES_BEHIND_MIN = 10  # Enough of them where a reading was cut.
LINES_FURTHER = 300  # Read when that was not enough.
CITED_LINES_MAX = 12  # Of one place: a reviewer wants the line, not the body.
STEMS_WITHOUT_NAME = ("__init__", "index", "mod", "lib", "main")
"""Files that are called so stand for their folder."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to survey: a name, and what of it counts. `owner` is what it must stand in directly;
    `is_opened`: only what opens a block counts, as functions and classes do; `is_key`: only keys
    count."""

    name: str
    intent: Intent = "define"
    path: str = ""
    owner: str = ""
    is_opened: bool = False
    is_key: bool = False


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
        return (*_module(self.path), *(owner.name for owner in self.site.owners))


@dataclass(slots=True)
class Survey:
    """`search` is the one that showed the lines."""

    places: list[Place] = field(default_factory=list)
    needs: list[Call] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    search: Search | None = None

    @property
    def definitions(self) -> list[Place]:
        return [place for place in self.places if place.site.is_definition]


def survey(prompt: Prompt, target: Target) -> Survey:
    return _Surveying(prompt, target).result


def search_call(name: str, path: str = "") -> Call:
    """Return the search for every line with `name`."""
    reason = f"Every line with `{name}`: where it is defined and used shows among them."
    where = {"path": path} if path else {}
    return Call.of(
        *("rtk_grep", reason),
        pattern=name,
        fixed_strings=True,
        word=True,
        max_results=MATCHES_MAX,
        **where,
    )


def is_loose(prompt: Prompt, path: str) -> bool:
    """Whether a question names a file without its folders."""
    return bool(path) and "/" not in path and path not in prompt.paths


def hits_in(search: Search, path: str) -> tuple[Hit, ...]:
    """Return the hits in the file of this path, else in those whose paths end so."""
    exact = tuple(hit for hit in search.hits if hit.path == path)
    return exact or tuple(hit for hit in search.hits if hit.path.endswith(f"/{path}"))


def _module(path: str) -> tuple[str, ...]:
    *folders, file = path.split("/")
    stem = file.partition(".")[0]
    return (*folders, *(() if stem in STEMS_WITHOUT_NAME else (stem,)))


class _Surveying:
    """One survey: files are judged as far as they are known, what is not becomes a need."""

    def __init__(self, prompt: Prompt, target: Target) -> None:
        self.prompt = prompt
        self.target = target
        self.result = Survey()
        search = self._searched()
        if search is None or not self._knows_owners():
            return
        self.result.search = search
        in_order = sorted(search.hits, key=lambda hit: (hit.path, hit.line))
        for path, hits in groupby(in_order, lambda hit: hit.path):
            if self._may_own(path):
                self._survey_file(path, tuple(hits))
        self.result.needs.sort(key=_cost)

    def _need(self, call: Call) -> None:
        if call not in self.result.needs:
            self.result.needs.append(call)

    def _doubt(self, doubt: str) -> None:
        if doubt not in self.result.doubts:
            self.result.doubts.append(doubt)

    # ---- searches ----

    def _searched(self) -> Search | None:
        """Return the hits to judge: of the plain search, or of narrower ones where that was cut."""
        name, path = self.target.name, self.target.path
        plain = search_call(name, path)
        if "rtk_grep" not in self.prompt.functions and plain not in self.prompt.looks.searches:
            return self._shown_lines()
        if is_loose(self.prompt, path):
            return self._searched_loosely()
        search = self._found_by(plain)
        if search is None or search.is_complete:
            return search
        cut = f"the search for `{name}` was cut: there are more lines"
        if self.target.intent in ("use", "import", "mention"):
            self._doubt(cut)
            return search
        reason = f"Too many lines with `{name}`: only those that could count."
        where = {"path": path} if path else {}
        found = [
            self._found_by(
                Call.of("rtk_grep", reason, pattern=pattern, max_results=MATCHES_MAX, **where)
            )
            for pattern in narrower_patterns(name, self.target.intent)
        ]
        if any(each and not each.is_complete for each in found):
            self._doubt(cut)
        lines = {(hit.path, hit.line): hit for each in found if each for hit in each.hits}
        return Search(search.ref, tuple(lines.values()), is_complete=False)

    def _searched_loosely(self) -> Search | None:
        """Return what stands in files whose path ends as the question says."""
        name, path = self.target.name, self.target.path
        search = self._found_by(search_call(name))
        if search is None:
            return None
        found = replace(search, hits=hits_in(search, path))
        if not found.hits:
            self._doubt(f"no line with `{name}` was found in a file called `{path}`")
        if not search.is_complete:
            self._doubt(f"the search for `{name}` was cut: there are more lines")
        return found

    def _found_by(self, call: Call) -> Search | None:
        """Return what a call found; else it becomes a need, or a doubt where it failed."""
        if call in self.prompt.looks.searches:
            return self.prompt.looks.searches[call]
        if call in self.prompt.looks.failed:
            self._doubt(f"a search failed: {self.prompt.looks.failed[call][:200]}")
        else:
            self._need(call)
        return None

    def _shown_lines(self) -> Search:
        """Return the lines with the name among those shown, where nothing can be searched. They
        are all there are if the scope is nothing but files that were shown whole."""
        files, asked = self.prompt.looks.files, self.target.path
        hits = [
            Hit(path, number, text, "")
            for path, file in files.items()
            for number, text in sorted(file.lines.items())
            if self.target.name in text and f"/{path}/".find(f"/{asked}") >= 0
        ]
        whole = {path for path, file in files.items() if file.is_whole}
        is_complete = not self.prompt.roots and bool(whole) and set(self.prompt.paths) <= whole
        if not is_complete:
            self._doubt("only the files shown were looked at, and nothing can be searched")
        return Search("", tuple(hits), is_complete)

    def _knows_owners(self) -> bool:
        owner = self.target.owner
        return not owner or self._found_by(self._owner_search()) is not None

    def _owner_search(self) -> Call:
        path = self.target.path
        return search_call(self.target.owner, "" if is_loose(self.prompt, path) else path)

    def _may_own(self, path: str) -> bool:
        """Whether the owner can be in this file: by its path, or because its name stands there."""
        owner = self.target.owner
        if not owner or owner in _module(path):
            return True
        search = self.prompt.looks.searches[self._owner_search()]
        return not search.is_complete or any(hit.path == path for hit in search.hits)

    def _has_lists(self, path: str) -> bool:
        """Whether a list over several lines may define names in this file."""
        reason = "Which files define names in lists over several lines; elsewhere none counts."
        call = Call.of("rtk_grep", reason, pattern=LIST_ENDS, max_results=MATCHES_MAX)
        if "rtk_grep" not in self.prompt.functions and call not in self.prompt.looks.searches:
            return True
        search = self._found_by(call)
        if search is None:
            return False
        return not search.is_complete or any(hit.path == path for hit in search.hits)

    # ---- files ----

    def _survey_file(self, path: str, hits: tuple[Hit, ...]) -> None:
        file = self.prompt.looks.files.get(path, File())
        if 1 not in file.lines and shows_in_first_line(path):
            self._read(path, 1, hits[-1].line + LINES_BEHIND)
            return
        language = language_of(path, file.lines.get(1, ""))
        last = self._last_that_counts(path, hits, language)
        if last and language is None:
            self._doubt(f"`{path}` line {last} may count, but its language is not known")
        elif last and language and (source := self._source(path, file, language, last)):
            self._judge(file, source, {hit.line for hit in hits})

    def _last_that_counts(self, path: str, hits: tuple[Hit, ...], language: Language | None) -> int:
        """Return the last line that could be what is looked for, 0 for none."""
        lines = {hit.line for hit in hits if self._counts(hit.text, language)}
        in_lists = {hit.line for hit in hits if self._counts_in_list(hit.text, language)}
        if in_lists - lines and self._has_lists(path):
            lines |= in_lists
        return max(lines, default=0)

    def _counts(self, line: str, language: Language | None) -> bool:
        name, intent = self.target.name, self.target.intent
        if intent == "call":
            return may_be_called(name, line, language)
        if intent == "raise":
            return may_be_raised(name, line, language)
        if intent in ("use", "import"):
            return language is None or language.layout in ("indent", "brace")
        if self.target.is_key and language and language.layout != "keys":
            return may_map(name, line, language)
        if self.target.is_opened and not may_be_opened(name, line, language):
            return False
        is_change = intent == "value" and (
            may_change(name, line, language) or may_map(name, line, language)
        )
        return is_change or may_define(name, line, language)

    def _counts_in_list(self, line: str, language: Language | None) -> bool:
        is_asked = self.target.intent in ("define", "value", "") and not self.target.is_opened
        return is_asked and may_define_in_list(self.target.name, line, language)

    def _source(self, path: str, file: File, language: Language, last: int) -> Source | None:
        """Return the file as far as it must be known to judge its line `last`."""
        known = file.lines_from_first
        if known and known >= min(last + LINES_BEHIND_MIN, file.total_lines):
            text = "\n".join(file.lines[number] for number in range(1, known + 1))
            return source_of(path, language, text)
        self._read(path, known + 1, last + LINES_BEHIND)
        return None

    def _read(self, path: str, first: int, last: int) -> None:
        reason = f"Lines {first}-{last} show whether the name is code there, and in which block."
        call = Call.of("rtk_read", reason, path=path, start_line=first, end_line=last)
        if call in self.prompt.looks.failed:
            self._doubt(f"`{path}` could not be judged: {self.prompt.looks.failed[call][:200]}")
        else:
            self._need(call)

    def _judge(self, file: File, source: Source, hit_lines: set[int]) -> None:
        known = file.lines_from_first
        for site in sites_in(source, self.target.name):
            if site.line not in hit_lines:
                continue
            if site.line > source.sure_lines:
                self._doubt(f"`{source.path}` line {site.line} stands behind a cut line")
            elif site.is_definition and site.last_line >= known < file.total_lines:
                self._read(source.path, known + 1, min(file.total_lines, known + LINES_FURTHER))
            else:
                self.result.places.append(_place(file, source.path, site))


def _cost(call: Call) -> int:
    """Searches first, then readings by how far they go."""
    last = dict(call.arguments).get("end_line")
    return last if isinstance(last, int) else 0


def _place(file: File, path: str, site: Site) -> Place:
    last = min(max(site.line, site.last_line), site.line + CITED_LINES_MAX - 1)
    place = Place(path, site, file.ref_of(site.line, last))
    owner = place.owner
    return replace(place, owner_ref=file.ref_of(owner.line, owner.line)) if owner else place
