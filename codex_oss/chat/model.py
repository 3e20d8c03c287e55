"""The one interface to a model: everything that answers, real or rehearsed, is a `ChatModel`."""

from collections.abc import Iterator
from typing import Protocol

from codex_oss.chat.messages import Burst, ChatRequest
from codex_oss.deadline import Deadline


class ChatModel(Protocol):
    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        """Yield what the model says as it comes, and end where it ended.

        A cut, refused or late answer *raises* an `UpstreamError`; an iterator that ends has
        delivered all that the provider sent, with its finish word. Closing it, or cancelling the
        deadline, shuts the connection down.
        """
