"""Terms that a mission must not be about: literal, whole words, in any case (missions 1.2).

Terms and a text enter, the term that the text says leaves. What follows is the asker's: a conflict
in an objective, a denied search, a finding that is not told.
"""

import re
from collections.abc import Iterable


def topic_in(topics: Iterable[str], text: str) -> str:
    """Return the first of these terms that stands in a text, or ""."""
    said = (t for t in topics if re.search(rf"(?<!\w){re.escape(t)}(?!\w)", text, re.IGNORECASE))
    return next(said, "")
