"""Where a name stands in the code of a file, whatever its language."""

from collections.abc import Iterator

from codex_oss.rehearsal.braces import owners_by_braces, sites_by_braces
from codex_oss.rehearsal.entries import Owners, entries_in
from codex_oss.rehearsal.indentation import owners_by_indentation, sites_by_indentation
from codex_oss.rehearsal.keys import sites_by_keys
from codex_oss.rehearsal.masking import Source
from codex_oss.rehearsal.sites import Site


def sites_in(source: Source, name: str) -> tuple[Site, ...]:
    """Return every occurrence of `name` in the code of `source`, in order, and as a key."""
    match source.language.layout:
        case "indent":
            sites = sites_by_indentation(source, name)
            return _with_entries(source, name, sites, owners_by_indentation)
        case "brace":
            sites = sites_by_braces(source, name)
            return _with_entries(source, name, sites, owners_by_braces)
        case "keys":
            return tuple(sites_by_keys(source, name))
        case "prose":
            return ()


def _with_entries(
    source: Source, name: str, sites: Iterator[Site], owners_at: Owners
) -> tuple[Site, ...]:
    found = (*sites, *entries_in(source, name, owners_at))
    return tuple(sorted(found, key=lambda site: site.line))
