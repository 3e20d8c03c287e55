"""Every error that crosses a room's door, and what each border says of it.

On the class stand `http_status` and `code` (HTTP and JSON), `codex_code` (what a Codex client
gets in `response.failed`: a code that it tries again, or `invalid_prompt`, which shows our
sentence; measured, codex-facts 8), `exit_code` (command line) and `retryable`. On the instance
stand the message, the hint (the command or setting that helps), and the faults of an input.

    BridgeError                    a broken promise of ours: 500, exit 3, a report file is named
    ├─ UsageError                  the command line makes no sense: exit 2
    ├─ BadRequest                  400, all faults of an input with their JSON paths
    │  ├─ BadMission               a contract or handoff that cannot be admitted
    │  └─ BadSettings              a variable or env file that does not parse
    ├─ Refused                     400, understood and not done; the instance says its code
    │  └─ AdmissionError           a mission that no token was spent for
    │     └─ UnsupportedLaneError, CapabilityDowngradeError
    ├─ Unauthorized 401, Forbidden 403, NotFound 404, MethodNotAllowed 405, TooSlow 408,
    │  LengthRequired 411, TooLarge 413, TargetTooLong 414, UnsupportedMedia 415,
    │  Misdirected 421, UpgradeRequired 426, HeadTooLarge 431, NotSupported 501,
    │  TooManyConnections 503
    ├─ Busy                        429, "try again in Ns"
    ├─ Cancelled                   nobody is there to be answered; the log says so: exit 130
    ├─ UpstreamError               502, the provider failed; Codex tries again
    │  ├─ UpstreamTruncated, UpstreamTimeout 504, UpstreamOverloaded 503, RateLimited 429
    │  ├─ UpstreamRejected 400, UpstreamAuth 502, QuotaExhausted 429, ContextTooLong 400
    ├─ LogCorrupt, LogClosed, LogBusy, StorageUnsafe
    └─ ProcessFailed               argv, exit status, the end of its output
"""

from collections.abc import Iterable
from dataclasses import dataclass

FAULTS_MAX = 50  # Shown of one input; the rest is counted (missions 1.1).


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input. `got` is raw: the border that shows it redacts it."""

    path: str
    code: str
    message: str
    hint: str = ""
    got: str = ""

    def to_json(self) -> dict[str, str]:
        shown = {"path": self.path, "code": self.code, "message": self.message}
        return shown | {k: v for k, v in (("hint", self.hint), ("got", self.got)) if v}

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class BridgeError(Exception):
    """Raised at the place that knows, with what helps; shown once, at a border."""

    http_status = 500
    code = "internal_error"
    codex_code = "invalid_prompt"
    exit_code = 1
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        faults: Iterable[Fault] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.faults = tuple(faults)
        self.retry_after_seconds = retry_after_seconds
        if code:
            self.code = code


class BrokenPromise(BridgeError):
    """A bug of ours, caught at a border."""

    exit_code = 3


class UsageError(BridgeError):
    exit_code, code, http_status = 2, "usage", 400


class BadRequest(BridgeError):
    """An input with faults: the first one gives the code, all of them are told."""

    http_status, code = 400, "invalid_prompt"


class BadMission(BadRequest):
    code = "invalid_mission"


class BadSettings(BadRequest):
    code = "bad_settings"


class Refused(BridgeError):
    """Understood, and not done. The instance carries the code."""

    http_status, code = 400, "refused"


class AdmissionError(Refused):
    """A mission that admission refused, before a token was spent."""


class UnsupportedLaneError(AdmissionError):
    """The profile does not offer the lane, or is not able enough for it."""


class CapabilityDowngradeError(AdmissionError):
    """The profile is weaker than the one in whose place it was to go on."""


class Unauthorized(BridgeError):
    http_status, code = 401, "invalid_api_key"


class Forbidden(BridgeError):
    http_status, code = 403, "forbidden"


class NotFound(BridgeError):
    http_status, code = 404, "not_found"


class MethodNotAllowed(BridgeError):
    http_status, code = 405, "method_not_allowed"


class TooSlow(BridgeError):
    http_status, code = 408, "request_timeout"


class LengthRequired(BridgeError):
    http_status, code = 411, "length_required"


class TooLarge(BridgeError):
    http_status, code = 413, "request_too_large"


class TargetTooLong(BridgeError):
    http_status, code = 414, "uri_too_long"


class UnsupportedMedia(BridgeError):
    http_status, code = 415, "unsupported_media_type"


class Misdirected(BridgeError):
    http_status, code = 421, "misdirected_request"


class UpgradeRequired(BridgeError):
    http_status, code = 426, "upgrade_required"


class HeadTooLarge(BridgeError):
    http_status, code = 431, "request_header_fields_too_large"


class NotSupported(BridgeError):
    http_status, code = 501, "not_implemented"


class TooManyConnections(BridgeError):
    http_status, code = 503, "too_many_connections"


class Busy(BridgeError):
    """No room at this moment. The message says when to try again."""

    http_status, code, codex_code, retryable = (
        429,
        "rate_limit_exceeded",
        "rate_limit_exceeded",
        True,
    )


class Cancelled(BridgeError):
    """The caller left, or a person stopped it."""

    code, exit_code = "cancelled", 130


class UpstreamError(BridgeError):
    """The provider failed in a way that another try may mend. Where the wait `is_guessed`, we told
    the caller one that the provider did not name."""

    is_guessed = False
    http_status, code, codex_code, retryable = 502, "server_error", "server_error", True


class UpstreamTruncated(UpstreamError):
    """The stream ended without saying so: a cut socket looks just like this."""


class UpstreamTimeout(UpstreamError):
    http_status = 504


class UpstreamOverloaded(UpstreamError):
    http_status, code, codex_code = 503, "server_is_overloaded", "server_is_overloaded"


class RateLimited(UpstreamError):
    http_status, code, codex_code = 429, "rate_limit_exceeded", "rate_limit_exceeded"


class UpstreamRejected(UpstreamError):
    """The provider understood our request and refuses it: trying again changes nothing."""

    http_status, code, codex_code, retryable = 400, "invalid_prompt", "invalid_prompt", False


class UpstreamAuth(UpstreamError):
    http_status, code, codex_code, retryable = 502, "upstream_auth", "invalid_prompt", False


class QuotaExhausted(UpstreamError):
    """The provider's quota is used up: trying again before the reset only costs time."""

    http_status, code, codex_code, retryable = 429, "insufficient_quota", "invalid_prompt", False


class ContextTooLong(UpstreamError):
    http_status, code, codex_code = 400, "context_length_exceeded", "context_length_exceeded"
    retryable = False


class LogCorrupt(BridgeError):
    """An acknowledged line of a log is not what was written."""

    code = "log_damaged"


class LogClosed(BridgeError):
    """Nobody knows what the last write left behind: no success is reported on this log."""

    code = "log_write_failed"


class LogBusy(BridgeError):
    code, http_status = "log_busy", 429


class StorageUnsafe(BridgeError):
    code = "storage_unsafe"


class ProcessFailed(BridgeError):
    code = "process_failed"
