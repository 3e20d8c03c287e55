"""An error of ours as a response object says it: a code the client acts on, and one sentence."""

from codex_oss.errors import BridgeError

MESSAGE_CHARS_MAX = 600


def failure(error: BridgeError, *, for_codex: bool) -> dict[str, str]:
    """Return code and message. Codex reads "try again in Ns" and waits that long."""
    told = error.message
    wait = error.retry_after_seconds
    if wait is not None and "try again in" not in told:
        told += f" Please try again in {wait:g}s."
    if error.hint:
        told += f" Hint: {error.hint}"
    line = " ".join(told.split())
    code = error.codex_code if for_codex else error.code
    return {"code": code, "message": line[:MESSAGE_CHARS_MAX]}
