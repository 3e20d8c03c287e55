"""Where a name stands in the code of one file, and as what.

A `Site` says line, kind and owners of one occurrence. Which kinds are definitions and which are
uses is in the tables of this file; `indentation`, `braces` and `keys` make the sites.
"""

from dataclasses import dataclass

DEFINITIONS = {
    "function": "function",
    "method": "function method",
    "class": "class enum exception error type",
    "interface": "class interface",
    "struct": "class struct type",
    "enum": "class enum type",
    "trait": "class trait interface",
    "type": "class type",
    "module": "module",
    "macro": "macro constant function",
    "constant": "constant variable",
    "attribute": "attribute constant variable field",
    "key": "key constant variable option setting field",
}
"""Each kind that defines a name, and the words with which a question may ask for it."""

CALLS = ("call", "decoration")
MAPPED = ("mapped", "remapped", "fallback", "quoted")
NOT_USES = (
    *(*DEFINITIONS, *MAPPED),
    *("declaration", "constructor", "local", "parameter", "keyword"),
)
"""What is no use of the thing that is called so elsewhere: another thing, or itself."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A class or function in whose body a site stands, with the line that opens it."""

    name: str
    kind: str
    line: int


@dataclass(frozen=True, slots=True)
class Signature:
    """What stands between a function's brackets, as written, and the line it begins on."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Site:
    """One occurrence. `last_line` ends what belongs to it: a signature, a value. `value` is the
    text that is assigned, as written; `is_shared`: to several names, and which part goes to this
    one does not show; `is_raised`: it is what a statement raises or throws."""

    line: int
    kind: str
    owners: tuple[Owner, ...] = ()
    last_line: int = 0
    value: str = ""
    is_shared: bool = False
    signature: Signature | None = None
    is_raised: bool = False

    @property
    def is_definition(self) -> bool:
        return self.kind in DEFINITIONS
