"""How long to think: a caller's word in, the model's own, and the fields that say it, out."""

from codex_oss.chat.dialect import EFFORTS, Dialect

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
    """Return what a caller's word means to a model: a word of its own; the caller's, for one that
    thinks on request or for a number of tokens; "" where there is no choice."""
    efforts, switch, tokens_max = _means(dialect)
    if word == "none" and word not in efforts and switch:
        return word
    if not efforts:
        return word if (switch or tokens_max) and word in THINKING_TOKENS else ""
    word = dialect.effort_words.get(word, word)
    if word in efforts:
        return word
    rank = EFFORTS.index(word) if word in EFFORTS else 0
    lower = [effort for effort in efforts if EFFORTS.index(effort) < rank]
    return lower[-1] if lower else efforts[0]


def effort_fields(effort: str, dialect: Dialect) -> dict[str, object]:
    """Return the fields of a Chat Completions body that say a fitted effort."""
    efforts, switch, tokens_max = _means(dialect)
    if not effort:
        return {}
    is_on = effort != "none" or effort in efforts
    fields: dict[str, object] = {}
    if switch == "thinking":
        fields["thinking"] = {"type": "enabled" if is_on else "disabled"}
    if switch == "enable_thinking":
        fields["enable_thinking"] = is_on
    if is_on and efforts:
        fields["reasoning_effort"] = effort
    elif is_on and tokens_max:
        fields["thinking_budget"] = min(THINKING_TOKENS[effort], tokens_max)
    return fields


def _means(dialect: Dialect) -> tuple[tuple[str, ...], str, int | None]:
    """Return words, switch and most tokens, of each what the model does not refuse."""
    refused, switch = dialect.refused, dialect.thinking_switch
    return (
        () if "reasoning_effort" in refused else dialect.efforts,
        "" if switch in refused else switch,
        None if "thinking_budget" in refused else dialect.thinking_tokens_max,
    )
