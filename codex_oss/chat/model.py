"""The one interface to a model, and the one to a wire that a model behind HTTP speaks."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from codex_oss.chat.messages import Burst, ChatRequest
from codex_oss.deadline import Deadline


class ChatModel(Protocol):
    """Everything that answers, real or rehearsed."""

    def stream(self, request: ChatRequest, deadline: Deadline) -> Iterator[Burst]:
        """Yield what the model says as it comes, and end where it ended.

        A cut, refused or late answer *raises* an `UpstreamError`; an iterator that ends has
        delivered all that the provider sent, with its finish word. Closing it, or cancelling the
        deadline, shuts the connection down.
        """


class Reader(Protocol):
    """Reads one answer: `feed` until the bytes end or it `is_over`, then `finish`; or, for a reply
    that was not streamed, `read_whole` once."""

    @property
    def is_over(self) -> bool: ...

    def feed(self, data: bytes) -> Burst:
        """Return what these bytes complete. A failure is raised after all that came before it."""

    def finish(self) -> Burst:
        """Return what the end of the stream completes, or raise if it is no end."""

    def read_whole(self, body: bytes) -> Burst:
        """Return what a reply that was not streamed says, or raise the provider's error."""


class Wire(Protocol):
    """A protocol of providers, in one model's dialect."""

    path: str

    def headers(self, key: str) -> Mapping[str, str]:
        """Return what says who asks, and in which version of the protocol."""

    def streams(self, request: ChatRequest) -> bool:
        """Return whether the answer to this request can be asked for in pieces."""

    def body(self, request: ChatRequest, upstream_model: str, *, stream: bool = True) -> bytes:
        """Return the body for a request that was fitted to the dialect. It asks for a stream only
        where the wire `streams` it."""

    def reader(self, request: ChatRequest) -> Reader:
        """Return the reader of one answer to this request."""
