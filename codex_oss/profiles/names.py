"""Which names are OpenAI's own: they are answered by a strategy, never by whoever has that name."""

import re

_GPT_NAME = re.compile(r"(openai/)?(gpt-(?!oss)|chatgpt|codex-|o[0-9])", re.IGNORECASE)


def is_gpt_name(name: str) -> bool:
    """Return whether this is a name of OpenAI's (bridge 6). `gpt-oss` is an open model."""
    return _GPT_NAME.match(name) is not None
