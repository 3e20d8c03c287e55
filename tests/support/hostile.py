"""Models that say anything: random replies, from honest work to bytes that no provider would send.

model = ScriptedModel(*script(chance()))
"""

import json
from collections.abc import Callable
from random import Random

from codex_oss.chat import CallDelta, ChatChunk, ChatRequest, Usage
from codex_oss.contract import STATE, blocks
from codex_oss.errors import (
    ContextTooLong,
    UpstreamAuth,
    UpstreamOverloaded,
    UpstreamTruncated,
)
from support.missions import FILES, Reply

REPLIES_MAX = 12
PATHS = (*FILES, "src", ".", "src/gone.py", "../outside", "/etc/passwd", "src/b l#a%nk.py", "")
NASTY = (
    "\0",
    "\ud800",
    "\udfff x \ud83d",
    "é\u202e\u2066",
    "\x1b[2J",
    "</oss_state><oss_state>{}",
    "9" * 400,
    "{" * 2_000,
    "x" * 70_000,
    '"\\' * 3_000,
    "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "٣",
    "-0",
    "1e999",
    "",
)
NAMES = (
    *("rtk_read", "rtk_grep", "rtk_ls", "record_claim", "final_report", "stop"),
    *("read_file", "shell", "apply_patch", "rtk_reed", "", "multi_tool_use.parallel", "\ud800"),
)
REFS = (
    *("file:src/config.py#extract:1", "file:src/config.py#extract:1@L4-L5", "command:0"),
    *("file:src/main.py#extract:1@L1-L2", "file:src/config.py#extract:2", "command:0#match:1"),
    *(
        "command:1#zero_match",
        "command:99",
        "file:.env#extract:1",
        "file:src/config.py#extract:1@L9",
    ),
    *("command:0@L1", "file:src/config.py#extract:1@L5-L4", "file:README.md#extract:1"),
)
CLAIMS = (
    "`load` is defined in src/config.py at line 4",
    "`load_all` is defined here",
    "main calls load",
    "I ran the tests: `TIMEOUT` is 30",
    "TIMEOUT is 30",
    "nothing",
)


Said = Reply | Callable[[ChatRequest], Reply]


def script(random: Random) -> list[Said]:
    """Return a random script: half of them by a model that means well, and is careless."""
    length = random.randrange(1, REPLIES_MAX)
    if random.random() < 0.5:
        return [_reply(random) for _ in range(length)]
    read = [("rtk_read", {"path": path}) for path in ("src/config.py", "src/main.py")]
    careful = [_calls(random, read[: random.randrange(1, 3)]), _honest_report(random)]
    return [*(_reply(random) for _ in range(random.randrange(3))), *careful, _honest_report(random)]


def _honest_report(random: Random) -> Callable[[ChatRequest], Reply]:
    """Return a reply that cites what the prompt shows, and not always what it says."""
    claim = random.choice((CLAIMS[0], CLAIMS[0], CLAIMS[0], *CLAIMS))
    span = random.choice(("@L4-L5", "@L4-L5", "@L4", "", "@L1-L5", "@L4-L6"))
    value = random.choice(("", "", "def load", "src/config.py:4", "something else"))
    twice = random.random() < 0.2

    def report(request: ChatRequest) -> Reply:
        state = blocks(STATE, request.messages[-1].text)[0]
        assert isinstance(state, dict)
        seen = [row["ref"] for row in state["evidence"] if row["path"] == "src/config.py"]
        finding = {"claim": claim, "obligation_id": "q1", "value": value}
        finding["evidence_refs"] = [f"{ref}{span}" for ref in seen] or ["command:0"]
        other = finding | {"value": "TIMEOUT"}
        body = {"status": "COMPLETE", "confidence": "HIGH", "answer": "Found."}
        body["findings"] = [finding, other] if twice else [finding]
        return [
            ChatChunk(calls=(CallDelta(0, "p", "final_report", json.dumps({"report": body})),)),
            ChatChunk(finish="tool_calls"),
        ]

    return report


def _reply(random: Random) -> Reply:
    kinds: list[tuple[int, Callable[[Random], Reply]]] = [
        (10, _work), (6, _report), (3, _claim), (3, _nonsense), (1, _many), (1, _prose),
        (1, _broken), (1, _failure), (1, _cut),
    ]  # fmt: skip
    weights, makers = zip(*kinds, strict=True)
    return random.choices(makers, weights)[0](random)


def _work(random: Random) -> Reply:
    return _calls(random, [_tool(random) for _ in range(random.randrange(1, 6))])


def _tool(random: Random) -> tuple[str, object]:
    path = random.choice(PATHS)
    if random.random() < 0.03:  # Each is a process.
        pattern = random.choice(("load", "nowhere_at_all", "(a+)+$", "TOKEN", "[", "."))
        return "rtk_grep", {"pattern": pattern, "path": random.choice(("src", "", "."))}
    if random.random() < 0.2:
        return "rtk_ls", {"path": path, "depth": random.choice((1, "2", 99, -1, None))}
    first, last = random.choice(((1, None), (1, 2), (4, 5), (5, 4), (900, None), ("2", "3")))
    return "rtk_read", {"path": path, "start_line": first, "end_line": last}


def _claim(random: Random) -> Reply:
    return _calls(random, [("record_claim", _claimed(random))])


def _claimed(random: Random) -> dict[str, object]:
    return {
        "claim": random.choice(CLAIMS),
        "evidence_refs": random.choices(REFS, k=random.randrange(1, 4)),
        "obligation_id": random.choice(("q1", "q1", "q1", "", "q9", 1)),
        "value": random.choice(("", "", "30", "load", 30, True, None)),
    }


def _report(random: Random) -> Reply:
    status = random.choice(
        ("COMPLETE", "COMPLETE", "COMPLETE", "PARTIAL", "ESCALATE", "FAILED", "?")
    )
    body = {
        "status": status,
        "confidence": random.choice(("HIGH", "MEDIUM", "LOW")),
        "answer": random.choice(("Found.", "", *NASTY)),
        "findings": [_claimed(random) for _ in range(random.choice((0, 1, 1, 1, 2, 3, 41)))],
        "uncertainties": random.choice(([], [], ["?"], [{"text": "?", "obligation_id": "q1"}])),
        "caveats": random.choice(([], [random.choice(NASTY)])),
    }
    return _calls(random, [("final_report", {"report": body})])


def _nonsense(random: Random) -> Reply:
    wanted = [(random.choice(NAMES), _json(random, 3)) for _ in range(random.randrange(1, 7))]
    return _calls(random, wanted)


def _json(random: Random, depth: int) -> object:
    leaf = (None, True, 0, -1, 3.5, 10**30, *NASTY, *PATHS, *REFS)
    if depth == 0 or random.random() < 0.3:
        return random.choice(leaf)
    if random.random() < 0.3:
        return [_json(random, depth - 1) for _ in range(random.randrange(5))]
    keys = (
        "path",
        "pattern",
        "report",
        "claim",
        "evidence_refs",
        "findings",
        "reason",
        "x",
        *NASTY,
    )
    return {random.choice(keys): _json(random, depth - 1) for _ in range(random.randrange(6))}


def _many(random: Random) -> Reply:
    return _calls(random, [_tool(random)] * random.choice((40, 1_000)))


def _calls(random: Random, wanted: list[tuple[str, object]]) -> list[ChatChunk]:
    """Return these calls in pieces, with ids that repeat or are missing."""
    chunks = [ChatChunk(text=random.choice(("", "", "Let me see.", *NASTY)))]
    for index, (name, arguments) in enumerate(wanted):
        call_id = random.choice((f"p{index}", f"p{index}", "same", ""))
        written = json.dumps(arguments, ensure_ascii=random.random() < 0.5)
        at = random.randrange(len(written) + 1)
        chunks.append(ChatChunk(calls=(CallDelta(index, call_id, name, written[:at]),)))
        chunks.append(ChatChunk(calls=(CallDelta(index, arguments=written[at:]),)))
    return [*chunks, ChatChunk(finish="tool_calls", usage=_usage(random))]


def _usage(random: Random) -> Usage | None:
    return random.choice((None, Usage(100, 10), Usage(0, 0), Usage(10**9, 5, 10**9)))


def _prose(random: Random) -> Reply:
    return [ChatChunk(text=random.choice((*CLAIMS, *NASTY))), ChatChunk(finish="stop")]


def _broken(random: Random) -> Reply:
    """A call whose arguments are no JSON."""
    text = random.choice(
        ('{"path": "src', "nonsense", '{"path": "\\ud800"}', '{"a": 1}}', "[]", "NaN")
    )
    return [ChatChunk(calls=(CallDelta(0, "p", random.choice(NAMES), text),), finish="tool_calls")]


def _cut(random: Random) -> Reply:
    delta = CallDelta(0, "p", "final_report", '{"report": {"status": "COMPLE')
    return [ChatChunk(calls=(delta,)), ChatChunk(finish="length", usage=_usage(random))]


def _failure(random: Random) -> Reply:
    return random.choice(
        (
            UpstreamTruncated("cut"),
            UpstreamOverloaded("\ud800 too many"),
            UpstreamAuth("set the key"),
            ContextTooLong("too long"),
        )
    )
