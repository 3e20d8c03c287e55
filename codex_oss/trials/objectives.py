"""Choose what to ask about a project that nobody described: by a fixed rule, from its source.

The rule: of the names that are defined exactly once (a line that begins with `def`, `class`,
`function`, `func`, `fn`, `struct` or the like), those that most other files mention come first,
then the alphabet decides. The first is asked for its definition, the second for its callers.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

FILES_MAX = 400  # Enough to choose from; a rule needs no whole repository.
FILE_BYTES_MAX = 200_000
NAME_CHARACTERS_MIN = 6  # Shorter names are words of every second file.
DEFINITION = re.compile(
    r"^(?:export\s+|pub\s+|async\s+|default\s+)*"
    r"(?:def|class|function|func|fn|struct|interface|trait)\s+([A-Za-z_]\w+)",
    re.MULTILINE,
)
WORD = re.compile(r"[A-Za-z_]\w+")
QUESTIONS = ("Where is `{}` defined?", "Who calls `{}`?")


def choose_objectives(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the questions to ask about these files, by path; none where nothing is defined."""
    defined = Counter(name for text in texts.values() for name in DEFINITION.findall(text))
    once = {name for name, count in defined.items() if count == 1}
    names = sorted(once, key=lambda name: (len(name) < NAME_CHARACTERS_MIN, name))
    mentioned = _mentions(texts.values(), set(names))
    names.sort(key=lambda name: -mentioned[name])
    chosen = [name for name in names if len(name) >= NAME_CHARACTERS_MIN] or names
    return tuple(question.format(name) for question, name in zip(QUESTIONS, chosen, strict=False))


def _mentions(texts: Iterable[str], names: set[str]) -> Counter[str]:
    """Count in how many files each name stands."""
    return Counter(name for text in texts for name in names & set(WORD.findall(text)))
