"""Choose what to ask about a project that nobody described: by a fixed rule, from its source.

The rule: of the names that are defined exactly once (a line that begins with `def`, `class`,
`function`, `func`, `fn`, `struct` or the like) and made of two words or more, those that most
files mention come first, but not more than people like to watch being read; then the alphabet
decides. The first is asked for its definition; the first that few files mention is asked for its
callers. Without such names, simple ones are asked for.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

FILES_MAX = 400  # Enough to choose from; a rule needs no whole repository.
FILE_BYTES_MAX = 200_000
MANY_FILES = 8  # Each may have to be read.
FEW_FILES = 4  # A list of callers that fits on a screen.
DEFINITION = re.compile(
    r"^(?:export\s+|pub\s+|async\s+|default\s+)*"
    r"(?:def|class|function|func|fn|struct|interface|trait)\s+([A-Za-z_]\w+)",
    re.MULTILINE,
)
WORD = re.compile(r"[A-Za-z_]\w+")
TWO_WORDS = re.compile(r"[A-Za-z]\w*(?:_|[a-z](?=[A-Z]))\w+")
QUESTIONS = ("Where is `{}` defined?", "Who calls `{}`?")


def choose_objectives(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the questions to ask about these files, by path; none where nothing is defined."""
    defined = Counter(name for text in texts.values() for name in DEFINITION.findall(text))
    once = {name for name, count in defined.items() if count == 1}
    mentioned = _mentions(texts.values(), once)

    def rank(name: str) -> tuple[bool, bool, int, str]:
        is_simple, is_everywhere = not TWO_WORDS.fullmatch(name), mentioned[name] > MANY_FILES
        return is_simple, is_everywhere, -mentioned[name], name

    names = sorted(once, key=rank)
    few = [name for name in names[1:] if mentioned[name] <= FEW_FILES]
    return tuple(
        question.format(name)
        for question, name in zip(QUESTIONS, (*names[:1], *few[:1]), strict=False)
    )


def _mentions(texts: Iterable[str], names: set[str]) -> Counter[str]:
    """Count in how many files each name stands."""
    return Counter(name for text in texts for name in names & set(WORD.findall(text)))
