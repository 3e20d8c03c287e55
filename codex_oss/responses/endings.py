"""What a provider's last word means: why an answer is cut, or what went wrong.

A finish word enters, a reason leaves or an error is raised. Whether there was an answer, what was
said decides and not this word (bridge 13).
"""

from codex_oss.errors import UpstreamError, UpstreamOverloaded, UpstreamTruncated

CUT = {  # Finish word: why the response is incomplete.
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "sensitive": "content_filter",  # GLM.
}
BROKEN: dict[str, type[UpstreamError]] = {  # Finish word: what went wrong at the provider.
    "error": UpstreamError,
    "network_error": UpstreamError,  # GLM.
    "insufficient_system_resource": UpstreamOverloaded,  # DeepSeek.
}
NO_END = "the provider's stream ended without a finish word"
NOTHING_SAID = "the model returned nothing"


def cut_by(finish: str) -> str:
    """Return why the answer is cut, or "" if it is whole."""
    if not finish:
        raise UpstreamTruncated(NO_END)
    if kind := BROKEN.get(finish):
        raise kind(f"the provider broke off: {finish}")
    return CUT.get(finish, "")
