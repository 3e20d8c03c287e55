"""Find secrets in text and take them out, the same way everywhere."""

from codex_oss.redaction.families import Pattern, spell
from codex_oss.redaction.patterns import PATTERNS
from codex_oss.redaction.redactor import Redacted, Redactor

__all__ = ["PATTERNS", "Pattern", "Redacted", "Redactor", "spell"]
