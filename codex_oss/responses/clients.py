"""Who is asking: Codex, and which version, or another client.

Codex tries some failures again and hides others (codex-facts 8), so how a turn ends depends on it;
nothing else does.
"""

import re
from functools import lru_cache

NEWEST_KNOWN = (0, 169, 0)

_version_in = re.compile(r"codex[^/]*/(\d{1,4})\.(\d{1,4})\.(\d{1,4})", re.IGNORECASE).match


@lru_cache(maxsize=64)
def codex_version(originator: str, user_agent: str) -> tuple[int, ...] | None:
    """Return the version of a Codex client, the newest known if it does not say, or `None`."""
    if not any(name.lower().startswith("codex") for name in (originator, user_agent)):
        return None
    said = _version_in(user_agent)
    return tuple(map(int, said.groups())) if said else NEWEST_KNOWN
