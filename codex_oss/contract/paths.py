"""Which paths a mission may see, by name: normal form, classes of names, allow and deny rules.

A path as somebody wrote it enters; its normal form, or why it has none, and a `Denial` or nothing
leave. Deny beats allow, at every depth and in every spelling that some file system takes for the
same name. Real paths, links and what stands on the disk are the guard's, who asks here twice: for
the path as written and for the real one (missions 6).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from codex_oss.contract.mission import Scope

PATH_CHARS_MAX = 1_024
IGNORED_FOLDERS = "node_modules .venv venv __pycache__ .tox dist build target"
"""What a walk skips where no git says what belongs to the project."""

ALWAYS_FORBIDDEN = (".env", "*.env", "secrets", ".git", ".codex-oss")
"""In every contract's `forbidden_roots`. `node_modules` is denied by its class, which a contract
may open."""

EXPOSABLE_CLASSES = ("logs", "state_db", "dumps", "vendor")

# (class, names at every depth, names that are an exception to them). `*` is any run of characters
# but `/`; a name that ends in `/` is a folder. What nothing opens is denied as a file as well.
_CLASSES = (
    ("secret", ".env .env.*", "*.example *.sample *.template *.dist"),
    ("secret", "id_rsa* id_dsa* id_ecdsa* id_ed25519*", "*.pub"),
    (
        "secret",
        "*.env secrets .ssh .gnupg .aws .kube .netrc .npmrc .pypirc .pgpass .git-credentials .envrc"
        " *.pem *.key *.p12 *.pfx *.jks *.kdbx credentials credentials.json service-account*.json"
        " .codex/auth.json .docker/config.json *.tfstate* *.tfvars *.tfvars.json",
        "",
    ),
    ("internal", ".git .codex-oss", ""),
    ("logs", "*.log logs/", ""),
    ("state_db", "*.sqlite* *.db", ""),
    ("dumps", "*.dump *.bak *.har *.pcap " + " ".join(f"core.{n}*" for n in range(10)), ""),
    ("vendor", " ".join(f"{name}/" for name in IGNORED_FOLDERS.split()), ""),
)
_PROTECTED = (
    *(".git/", ".codex/", ".codex-oss/", ".claude/", ".vscode/", ".idea/", ".mcp.json"),
    *("AGENTS.md", ".gitmodules", ".gitattributes", ".gitconfig", ".envrc", ".npmrc", ".pypirc"),
    *(".netrc", ".profile", ".bashrc", ".bash_*", ".zshrc", ".zprofile", ".zshenv", ".zlogin"),
    *(".zlogout", ".kshrc", ".cshrc", ".tcshrc", ".login", ".logout"),
)
_CRITICAL = (
    *("src/auth/", "src/schema/", "migrations/", ".github/workflows/", "scripts/recovery/"),
    "scripts/finalizer/",
)

# What has no normal form, on the path with `/` for every separator.
_UNSPEAKABLE = (
    (re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]"), "a control character"),
    (re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"), "a bidi control character"),
    (re.compile("[\ud800-\udfff]"), "a lone surrogate"),
    (re.compile(":"), "a `:`"),
    (re.compile(r"~\d"), "a short name like `NAME~1`"),
    (re.compile(r"[. ](?=/|$)(?<!^\.)(?<!/\.)(?<!^\.\.)(?<!/\.\.)"), "a name ending in `.` or ` `"),
)

# Code points that file systems or renderers drop: format characters, and the rest of Unicode's
# Default_Ignorable_Code_Point, which `category` does not know.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class BadPath:
    """Why a path has no normal form."""

    reason: str


@dataclass(frozen=True, slots=True)
class Denial:
    """Which rule keeps a path out. `rule` is the class or list and the name that it bit on."""

    code: str
    rule: str


def normalise(path: str, project_root: str = "") -> str | BadPath:
    """Return the relative POSIX path, "." for the root, without `.`, `..`, `//` and final `/`.

    An absolute path is made relative to `project_root`, and is a bad one outside of it. Unicode
    is composed (NFC): the guard finds the spelling on the disk.
    """
    if not 1 <= len(path) <= PATH_CHARS_MAX:
        return BadPath(f"must have 1..{PATH_CHARS_MAX:,} characters")
    path = unicodedata.normalize("NFC", path.replace("\\", "/"))
    root = unicodedata.normalize("NFC", project_root.rstrip("/"))
    if path.startswith("/"):
        if not root or not (path + "/").startswith(root + "/"):
            return BadPath("is absolute and not in the project")
        path = path[len(root) :].lstrip("/") or "."
    for spelling, what in _UNSPEAKABLE:
        if spelling.search(path):
            return BadPath(f"has {what}")
    names: list[str] = []
    for name in path.split("/"):
        if name == ".." and not names:
            return BadPath("leads out of the project with `..`")
        if name == "..":
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    return "/".join(names) or "."


def fold(text: str) -> str:
    """Return what is left of a path when case, width, compatibility forms and invisible characters
    do not count: paths with one fold may be one file somewhere."""
    if text.isascii():
        return text.lower()
    for _ in range(2):  # Folding may leave what composes or folds once more.
        visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
        text = unicodedata.normalize("NFKC", _IGNORABLE.sub("", visible)).casefold()
    # `＼` and `：` have become `\` and `:`; behind the second NTFS has the streams of a file.
    text = re.sub(r"[\\:]", "/", unicodedata.normalize("NFKC", text))
    return re.sub(r"[. ]+(?=/|$)", "", text)  # `․` and `\u00a0` have become `.` and ` `.


def _glob(pattern: str) -> str:
    """Return the expression for a pattern, one that never backtracks over a `*`."""
    first, *rest = re.sub(r"\*+", "*", fold(pattern)).split("*")
    middle = "".join(f"(?>[^/]*?{re.escape(piece)})" for piece in rest[:-1])
    last = f"[^/]*{re.escape(rest[-1])}" if rest else ""
    return re.escape(first) + middle + last


def _matcher(patterns: Iterable[str], exceptions: Iterable[str] = ()) -> re.Pattern[str] | None:
    """Return the search for these names in a folded path that begins with `/`."""
    names = "|".join(
        _glob(pattern.rstrip("/")) + ("(?=/)" if pattern.endswith("/") else "(?=/|$)")
        for pattern in patterns
    )
    spared = "|".join(f"{_glob(name)}(?:/|$)" for name in exceptions)
    return re.compile(f"/{f'(?!{spared})' if spared else ''}(?:{names})") if names else None


_CLASS_MATCHERS = tuple(
    (name, _matcher(patterns.split(), exceptions.split()))
    for name, patterns, exceptions in _CLASSES
)


_protects = _matcher(_PROTECTED)


def is_protected(path: str) -> bool:
    """Whether no patch may touch this path, whoever owns it: it acts on who works here next, be
    it git, a shell or an agent (implementation 2)."""
    return bool(_protects and _protects.search(f"/{fold(path)}"))


class PathRules:
    """The rules of one mission, asked path by path."""

    def __init__(
        self,
        scope: Scope,
        critical_roots: Iterable[str] = (),
        critical_terms: Iterable[str] = (),
    ) -> None:
        self.scope = scope
        self._paths = frozenset(scope.allowed_paths)
        self._roots = tuple(scope.allowed_roots)
        critical = () if scope.critical_path_read_allowed else (*_CRITICAL, *critical_roots)
        exposed = set(EXPOSABLE_CLASSES).intersection(scope.exposed_classes)
        self._denials = (
            *((f"{name}_path", search) for name, search in _CLASS_MATCHERS if name not in exposed),
            ("forbidden_path", _matcher(scope.forbidden_roots)),
            ("critical_path", _matcher(critical)),
        )
        self._terms = tuple(critical_terms)

    def verdict(self, path: str, is_directory: bool = False) -> str:
        """Return "" for a path in scope, else the code of its denial."""
        denial = self.denial(path, is_directory)
        return denial.code if denial else ""

    def denial(self, path: str, is_directory: bool = False) -> Denial | None:
        """Return what keeps this path out, or `None` for a path in scope."""
        name = normalise(path)
        if isinstance(name, BadPath):
            return Denial("bad_path", name.reason)
        folded = f"/{fold(name)}" + "/" * is_directory
        for code, search in self._denials:
            found = search and search.search(folded)
            if found and not (code == "vendor_path" and name in self._paths):
                return Denial(code, found[0].strip("/"))
        return None if self._allows(name) else Denial("out_of_scope", "")

    def risk_flags(self, path: str) -> tuple[str, ...]:
        """Return the critical terms that occur in a path: they flag it and deny nothing."""
        folded = fold(path)
        return tuple(term for term in self._terms if fold(term) in folded)

    def _allows(self, name: str) -> bool:
        if name in self._paths:
            return True
        return any(root in (".", name) or name.startswith(f"{root}/") for root in self._roots)
