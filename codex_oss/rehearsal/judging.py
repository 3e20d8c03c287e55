"""Where a name stands in the code of a file, whatever its language."""

from collections.abc import Callable, Iterator

from codex_oss.rehearsal.braces import sites_by_braces
from codex_oss.rehearsal.indentation import sites_by_indentation
from codex_oss.rehearsal.keys import sites_by_keys
from codex_oss.rehearsal.languages import Layout
from codex_oss.rehearsal.masking import Source
from codex_oss.rehearsal.sites import Site

BY_LAYOUT: dict[Layout, Callable[[Source, str], Iterator[Site]]] = {
    "indent": sites_by_indentation,
    "brace": sites_by_braces,
    "keys": sites_by_keys,
    "prose": lambda source, name: iter(()),
}


def sites_in(source: Source, name: str) -> tuple[Site, ...]:
    """Return every occurrence of `name` in the code of `source`, in order."""
    return tuple(BY_LAYOUT[source.language.layout](source, name))
