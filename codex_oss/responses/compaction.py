"""Compaction: a history becomes one sealed summary that a later turn of any model can go on from.

The bursts of a model that was asked for a hand-over enter, the events of a response with exactly
one item leave: Codex takes two, or none, for a fatal fault (codex-facts 9).
"""

from collections.abc import Iterable, Iterator, Mapping

from codex_oss.chat import Burst, Served, gather
from codex_oss.errors import BridgeError, BrokenPromise, Cancelled, UpstreamError, UpstreamRejected
from codex_oss.responses.emitter import Events, ResponseEvent
from codex_oss.responses.endings import NOTHING_SAID, cut_by
from codex_oss.responses.envelope import seal_summary
from codex_oss.responses.reply import Reply, Turn

HAND_OVER = """\
Stop here. Another model will go on with this task, and will see nothing of this conversation but \
what you write now. Write the hand-over, in this order and with nothing around it:
1. The goal, in the user's own words where they matter, and every constraint or preference.
2. What was done and decided, with the reasons, and what was tried and did not work.
3. The files that matter, each with its path and what was read in it or changed.
4. What is open, and the very next step.
5. Exact identifiers that will be needed: names, commands, error texts, versions, numbers.
Do not call tools. Do not leave out what only you know."""
CUT_OFF = "\n\n[The hand-over was cut off here, at the output limit.]"


def summarize(turn: Turn, bursts: Iterable[Burst]) -> Iterator[Events]:
    """Yield the events of a turn that compacts. Its failure is an error, never an empty item."""
    reply = Reply(turn)
    yield list(reply.begin())
    try:
        yield list(_summary(reply, bursts))
    except Cancelled:
        raise
    except BridgeError as error:
        yield [reply.end("failed", None, error=error)]


def compaction_object(response: Mapping[str, object]) -> dict[str, object]:
    """Return what `/v1/responses/compact` answers, from the response of a turn that compacts."""
    told = ("id", "created_at", "output", "usage")
    return {"object": "response.compaction"} | {name: response[name] for name in told}


def _summary(reply: Reply, bursts: Iterable[Burst]) -> Iterator[ResponseEvent]:
    heard: list[Burst] = []
    for burst in bursts:
        for chunk in burst:
            if isinstance(chunk, Served):
                reply.heed(chunk)
        heard.append(burst)
    answer = gather(heard)
    cut = cut_by(answer.finish)
    if cut == "content_filter":
        raise UpstreamRejected("the provider's content filter stopped the summary")
    if not answer.text.strip():
        raise UpstreamError(NOTHING_SAID)
    if not reply.turn.seal_key:
        raise BrokenPromise("a summary cannot be sealed without a key")
    text = answer.text + (CUT_OFF if cut else "")
    item = {
        "id": reply.new_id("cmp_", 0),
        "type": "compaction",
        "encrypted_content": seal_summary(reply.turn.seal_key, text),
    }
    yield reply.added(item)
    yield reply.done(item, answer.text)
    yield reply.end("completed", answer.usage)
