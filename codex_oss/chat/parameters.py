"""What a request asks besides its words, as one model takes it.

Choice of a tool, shape, length and effort of the answer enter; what cannot be said in the model's
own fields leaves as sentences for its system message, or is left out, and is named either way.
"""

from dataclasses import replace
from functools import partial

from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.efforts import effort_for
from codex_oss.chat.literals import to_json
from codex_oss.chat.messages import ChatRequest, ResponseFormat


def fit_parameters(
    request: ChatRequest, dialect: Dialect, changes: Changes
) -> tuple[ChatRequest, tuple[str, ...]]:
    """Return the request with what the model takes, and the sentences for the rest."""
    choice, choice_told = _tool_choice(request, dialect, changes)
    wanted, wanted_told = _response_format(request.response_format, dialect, changes)
    taken = partial(_taken, dialect=dialect, changes=changes)
    fitted = replace(
        request,
        temperature=taken("temperature", request.temperature),
        top_p=taken("top_p", request.top_p),
        presence_penalty=taken("presence_penalty", request.presence_penalty),
        frequency_penalty=taken("frequency_penalty", request.frequency_penalty),
        tool_choice=choice,
        parallel_calls=_parallel(request, dialect, changes),
        max_output_tokens=_length(request.max_output_tokens, dialect, changes),
        response_format=wanted,
        effort=_effort(request.effort, dialect, changes),
        cache_key=_cache_key(request.cache_key, dialect, changes),
    )
    return fitted, tuple(filter(None, (choice_told, wanted_told)))


def _tool_choice(request: ChatRequest, dialect: Dialect, changes: Changes) -> tuple[str, str]:
    choice = request.tool_choice if request.tools else "auto"
    mode = choice if choice in ("auto", "none", "required") else "named"
    is_taken = mode in dialect.tool_choices and "tool_choice" not in dialect.refused
    if mode == "auto" or is_taken:
        return choice, ""
    changes.downgrade("tool_choice")
    told = {
        "none": "Answer without calling a tool.",
        "required": "Call at least one tool in this turn.",
    }
    return "auto", told.get(mode, f"Call the tool `{choice}` in this turn.")


def _response_format(
    wanted: ResponseFormat | None, dialect: Dialect, changes: Changes
) -> tuple[ResponseFormat | None, str]:
    if wanted is None:
        return None, ""
    modes = () if "response_format" in dialect.refused else dialect.response_formats
    if ("json_object" if wanted.schema is None else "json_schema") in modes:
        return wanted, ""
    changes.downgrade("text.format")
    told = "Answer with one JSON object and nothing else"
    if wanted.schema is not None:
        told += f", one that this JSON Schema allows:\n{to_json(wanted.schema)}"
    return (ResponseFormat() if "json_object" in modes else None), told


def _parallel(request: ChatRequest, dialect: Dialect, changes: Changes) -> bool | None:
    if not request.tools or request.parallel_calls is None:
        return None
    if "parallel_tool_calls" in dialect.refused:
        changes.drop("parallel_tool_calls")
        return None
    return request.parallel_calls


def _length(asked: int | None, dialect: Dialect, changes: Changes) -> int | None:
    tokens = dialect.output_tokens_default if asked is None else asked
    if tokens is None:
        return None
    if dialect.max_tokens_field in dialect.refused:
        if asked is not None:
            changes.drop("max_output_tokens")
        return None
    longest = dialect.output_tokens_max or tokens
    if asked is not None and asked > longest:
        changes.downgrade("max_output_tokens")
    return min(tokens, longest)


def _effort(asked: str, dialect: Dialect, changes: Changes) -> str:
    if not asked:
        return ""
    effort = effort_for(asked, dialect)
    if not effort:
        changes.drop("reasoning.effort")
    elif effort != asked:
        changes.downgrade("reasoning.effort")
    return effort


def _cache_key(asked: str, dialect: Dialect, changes: Changes) -> str:
    if not asked or (dialect.takes_cache_key and "prompt_cache_key" not in dialect.refused):
        return asked
    changes.drop("prompt_cache_key")
    return ""


def _taken(name: str, value: float | None, *, dialect: Dialect, changes: Changes) -> float | None:
    """Return how to sample, or `None` where the model lets nobody say that."""
    takes_one = name == "temperature" and dialect.temperatures
    is_refused = name in dialect.refused or (takes_one and value not in dialect.temperatures)
    if value is None or not is_refused:
        return value
    changes.drop(name)
    return None
