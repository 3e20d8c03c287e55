"""Say what a provider's failure means: status, headers and body in, one of our errors out.

`ROWS` is the table of bridge.md 14: the first row that fits decides, and what is not in it is a
failure that another try may mend. The provider's own sentence is kept, redacted before it is cut,
because it is the only thing that tells a person what to change.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from codex_oss.errors import (
    ContextTooLong,
    QuotaExhausted,
    RateLimited,
    UpstreamAuth,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRejected,
)

SENTENCE_CHARS_MAX = 300  # Of the provider's words: an error message has 600 for everything.
WORDS_BYTES_MAX = 4096  # Searched for telling words: they stand at the start of a body.
QUOTA_SECONDS_MIN = 60  # A longer wait is no rate limit: nobody holds a turn open for it.
RETRY_SECONDS_UNKNOWN = 5  # Told to the caller where the provider does not say.
SENTENCE_DEPTH_MAX = 4  # {"error": {"message": ...}} is 2, FastAPI's {"detail": [{"msg"}]} is 3.
SENTENCE_KEYS = ("error", "message", "msg", "detail", "base_resp", "status_msg")

CONTEXT_WORDS = re.compile(
    r"maximum context length|context_length_exceeded|prompt is too long|input length"
    r"|context (?:window|length|size)|input is too long|too many (?:input |prompt )?tokens"
)
QUOTA_WORDS = re.compile(
    r"insufficient_quota|insufficient[ _]balance|quota|billing|credit|usage[ _]limit"
    r"|(?:daily|weekly|monthly)[ _](?:\w+[ _])?limit"
)
MODEL_WORDS = re.compile(
    r"model_not_found|unknown model|no such model|invalid model|unsupported model"
    r"|model\b.{0,100}\b(?:not found|not exist|not supported|not available)"
)
# What an error in a 200 body says of itself, and the status that it should have come with.
STATUS_OF_WORDS = (
    (CONTEXT_WORDS, 400),
    (
        re.compile(r"insufficient[ _](?:quota|balance)|quota[ _]exceeded|exceeded_quota|billing"),
        402,
    ),
    (re.compile(r"rate[ _]?limit|too[ _]many[ _]requests"), 429),
    (re.compile(r"overloaded|unavailable|at capacity"), 503),
    (re.compile(r"authentication|unauthorized|invalid[ _]api[ _]key|permission_error"), 401),
    (MODEL_WORDS, 404),
    (re.compile(r"not_found_error"), 404),
    (re.compile(r"invalid_request|bad_request|invalid_param"), 400),
)
WAIT = re.compile(
    r"(?:try again|retry|resets?)(?: \w+)? (?:in|after) ((?:\d+(?:\.\d+)? ?(?:ms|[dhms])[a-z]* ?)+)"
)
WAIT_PART = re.compile(r"(\d+(?:\.\d+)?) ?(ms|[dhms])")
SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a provider said instead of an answer. `words` is its lower-case start, to search in."""

    provider: str
    key_env: str
    status: int
    sentence: str
    words: str
    wait_seconds: float | None
    now: datetime

    @property
    def told(self) -> str:
        """Return its sentence as the end of one of ours."""
        return f": {self.sentence}" if self.sentence else ""


def failure_of(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    provider: str,
    key_env: str,
    redact: Callable[[str], str],
    now: datetime,
) -> UpstreamError:
    """Return the error for a reply that is none. Below 300 the body's words say what it is.

    `headers` has lower-case names; `now` turns a date in `retry-after` into seconds.
    """
    text = body.decode("utf-8", "replace")
    document = _parsed(text)
    words = text[:WORDS_BYTES_MAX].lower()
    complaint = Complaint(
        provider,
        key_env,
        _told_status(document, words) if status < 300 else status,
        one_line(redact(_sentence(document, text))),
        words,
        wait_seconds(headers, words, now),
        now,
    )
    for statuses, pattern, error in ROWS:
        if complaint.status in statuses and (pattern is None or pattern.search(words)):
            return error(complaint)
    shown = f" with status {status}" if status >= 400 else ""
    return UpstreamError(f"{provider} failed{shown}{complaint.told}")


def one_line(text: str) -> str:
    """Return `text` on one line, at most `SENTENCE_CHARS_MAX` characters, cut with a mark."""
    line = " ".join(text.split())
    return line if len(line) <= SENTENCE_CHARS_MAX else line[: SENTENCE_CHARS_MAX - 1] + "…"


def wait_seconds(headers: Mapping[str, str], words: str, now: datetime) -> float | None:
    """Return the wait the provider asks for: `retry-after-ms`, seconds, a date, or its sentence."""
    if DECIMAL.fullmatch(milliseconds := headers.get("retry-after-ms", "").strip()):
        return float(milliseconds) / 1000
    if DECIMAL.fullmatch(after := headers.get("retry-after", "").strip()):
        return float(after)
    if after:
        return _seconds_until(after, now)
    if found := WAIT.search(words):
        return sum(float(n) * SECONDS_OF[unit] for n, unit in WAIT_PART.findall(found[1]))
    return None


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        then = datetime.strptime(http_date, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0.0, (then - now).total_seconds())


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _sentence(document: object, text: str) -> str:
    """Return the provider's sentence: from its JSON, or the text itself unless that is a page."""
    return _found_sentence(document) or ("" if text.lstrip()[:1] in ("<", "{", "[") else text)


def _found_sentence(document: object, depth_left: int = SENTENCE_DEPTH_MAX) -> str:
    if isinstance(document, str) or not depth_left:
        return document if isinstance(document, str) else ""
    if isinstance(document, list):
        return _found_sentence(document[0], depth_left - 1) if document else ""
    if isinstance(document, dict):
        named = (_found_sentence(document.get(key), depth_left - 1) for key in SENTENCE_KEYS)
        return next(filter(None, named), "")
    return ""


def _told_status(document: object, words: str) -> int:
    """Return the status that an error object in a good reply should have had, 502 if unknown."""
    error = document.get("error") if isinstance(document, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        return code
    return next((status for pattern, status in STATUS_OF_WORDS if pattern.search(words)), 502)


def _context_too_long(said: Complaint) -> UpstreamError:
    return ContextTooLong(
        f"the conversation is too long for this model{said.told}",
        hint="start a new thread, compact this one, or choose a model with a larger window",
    )


def _key_refused(said: Complaint) -> UpstreamError:
    return UpstreamAuth(
        f"{said.provider} refuses the key{said.told}",
        hint=f"set {said.key_env or 'the key of this provider'} to a valid key and restart",
    )


def _limited(said: Complaint) -> UpstreamError:
    wait = said.wait_seconds
    if wait is not None and wait > QUOTA_SECONDS_MIN:
        return _quota_used_up(said)
    after = RETRY_SECONDS_UNKNOWN if wait is None else max(1, math.ceil(wait))
    limited = RateLimited(
        f"{said.provider} limits the rate{said.told}. Please try again in {after}s.",
        retry_after_seconds=after,
    )
    limited.is_guessed = wait is None
    return limited


def _quota_used_up(said: Complaint) -> UpstreamError:
    reset = ""
    if said.wait_seconds:
        hours, minutes = divmod(math.ceil(said.wait_seconds / 60), 60)
        at = said.now.astimezone(UTC) + timedelta(seconds=said.wait_seconds)
        reset = f", resets at {at:%H:%M} UTC (in {hours} h {minutes} min)"
    return QuotaExhausted(
        f"quota of {said.provider} used up{reset}{said.told}",
        hint="wait for the reset, or choose a model of another provider",
        retry_after_seconds=said.wait_seconds,
    )


def _overloaded(said: Complaint) -> UpstreamError:
    return UpstreamOverloaded(
        f"{said.provider} is overloaded{said.told}", retry_after_seconds=said.wait_seconds
    )


def _model_unknown(said: Complaint) -> UpstreamError:
    return UpstreamRejected(
        f"{said.provider} does not know this model{said.told}",
        code="model_not_found",
        hint="check upstream_model and base_url of the profile",
    )


def _redirected(said: Complaint) -> UpstreamError:
    return UpstreamRejected(
        f"{said.provider} sends us to another address, where its key must not go",
        hint="set base_url of the profile to the final address",
    )


def _rejected(said: Complaint) -> UpstreamError:
    return UpstreamRejected(f"{said.provider} rejects the request{said.told}")


MAY_BE_MENDED = {408, 409, 425}
ROWS: tuple[
    tuple[set[int] | range, re.Pattern[str] | None, Callable[[Complaint], UpstreamError]], ...
] = (
    (range(300, 400), None, _redirected),
    ({413}, None, _context_too_long),
    ({400, 422, 500}, CONTEXT_WORDS, _context_too_long),
    ({401, 403}, None, _key_refused),
    ({402}, None, _quota_used_up),
    ({429}, QUOTA_WORDS, _quota_used_up),
    ({429}, None, _limited),
    ({503, 529}, None, _overloaded),
    ({404}, None, _model_unknown),
    ({400}, MODEL_WORDS, _model_unknown),
    (set(range(400, 500)) - MAY_BE_MENDED, None, _rejected),
)
