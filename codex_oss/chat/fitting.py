"""A request as one model takes it: what anybody asked and a `Dialect` in, what to send and what had
to be changed out.

Pure, and the only place where a request is bent to a model, so that a fallback is the same call
with another dialect. Whatever is left out or changed has its name in the result.
"""

from dataclasses import dataclass, replace

from codex_oss.chat.dialect import Dialect
from codex_oss.chat.history import pair
from codex_oss.chat.messages import ChatRequest


@dataclass(frozen=True, slots=True)
class Fitted:
    """A request that its dialect takes. The names are those of a `Served`."""

    request: ChatRequest
    dropped: tuple[str, ...] = ()
    downgraded: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    reasoning_dropped: tuple[tuple[str, int], ...] = ()


def fit(request: ChatRequest, dialect: Dialect) -> Fitted:
    """Bend a request to a dialect. Fitting what is fitted changes nothing.

    A result at its very end whose call is nowhere raises `BadRequest`.
    """
    paired = pair(request.messages, has_tools=bool(request.tools))
    return Fitted(replace(request, messages=paired.messages), repaired=paired.repaired)
