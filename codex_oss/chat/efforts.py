"""How long to think: a caller's word in, the model's own, and the fields that say it, out."""

from codex_oss.chat.dialect import EFFORTS, Dialect
from codex_oss.chat.messages import ChatRequest

THINKING_TOKENS = {  # Of a model that wants a number; more than its own limit is that limit.
    "minimal": 1_024,
    "low": 4_096,
    "medium": 16_384,
    "high": 32_768,
    "xhigh": 65_536,
    "max": 1 << 20,
    "ultra": 1 << 20,
}


def effort_for(word: str, dialect: Dialect) -> str:
    """Return what a caller's word means to a model: its own word, the caller's for a model that has
    none but thinks for a number of tokens or on request, "" where there is no choice."""
    efforts = dialect.efforts
    if word == "none" and "none" not in efforts and dialect.thinking_switch:
        return "none"
    if not efforts:
        has_choice = dialect.thinking_tokens_max or dialect.thinking_switch
        return word if has_choice and word in THINKING_TOKENS else ""
    word = dialect.effort_words.get(word, word)
    if word in efforts or word not in EFFORTS:
        return word if word in efforts else efforts[0]
    lower = [effort for effort in efforts if EFFORTS.index(effort) < EFFORTS.index(word)]
    return lower[-1] if lower else efforts[0]


def effort_fields(request: ChatRequest, dialect: Dialect) -> dict[str, object]:
    """Return the fields of a Chat Completions body for a fitted effort."""
    effort = request.effort
    if not effort:
        return {}
    is_off = effort == "none" and effort not in dialect.efforts
    fields: dict[str, object] = {}
    if dialect.thinking_switch == "thinking":
        fields["thinking"] = {"type": "disabled" if is_off else "enabled"}
    if dialect.thinking_switch == "enable_thinking":
        fields["enable_thinking"] = not is_off
    if is_off:
        return fields
    if dialect.efforts:
        fields["reasoning_effort"] = effort
    elif dialect.thinking_tokens_max:
        fields["thinking_budget"] = min(THINKING_TOKENS[effort], dialect.thinking_tokens_max)
    return fields
