"""Where an answer begins: up to there a call can be made again, and nobody has seen anything."""

from collections.abc import Iterator

from codex_oss.chat import Burst, ChatChunk, TextRun


def has_content(burst: Burst) -> bool:
    """Whether something of this burst is said: text, reasoning or a call (bridge 15)."""
    for piece in burst:
        if isinstance(piece, TextRun):
            return True
        if isinstance(piece, ChatChunk) and (piece.text or piece.reasoning or piece.calls):
            return True
    return False


def up_to_content(bursts: Iterator[Burst]) -> tuple[list[Burst], bool]:
    """Return the bursts up to the first with content, and whether one came. What fails before it
    is raised here."""
    head: list[Burst] = []
    for burst in bursts:
        head.append(burst)
        if has_content(burst):
            return head, True
    return head, False
