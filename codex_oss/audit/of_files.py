"""Checks of the files of a mission: each is what its log renders, and nothing stands beside it."""

import json
from collections.abc import Callable

from codex_oss.audit.subject import Says, Subject, differing
from codex_oss.record import RENDERER_VERSION, ProjectionWritten, sha256

FOLDER_MODE = 0o700


def mission_dir(run: Subject) -> Says:
    assert run.folder
    if run.folder.mode != FOLDER_MODE:
        yield "FAIL", f"its mode is {run.folder.mode:o}, must be {FOLDER_MODE:o}"
    for name in sorted(run.folder.files.keys() - run.rendered.keys()):
        yield "FAIL", f"{name} is no file of this run"
    for name in run.rendered:
        if name not in run.folder.files:
            yield "FAIL", f"{name} is missing"
    yield "PASS", f"{run.folder.path}: {len(run.folder.files)} files"


def is_rendered(name: str) -> Callable[[Subject], Says]:
    """Return the check that a file is, byte for byte, what the log says."""

    def check(run: Subject) -> Says:
        found, expected = run.file(name), run.rendered.get(name)
        if expected is None:
            yield "SKIP", "a run of this kind has no such file"
        elif found is None:
            yield "FAIL", f"{name} is missing"
        elif found == expected.encode():
            yield "PASS", sha256(found)
        elif _renderer(run) != RENDERER_VERSION:
            yield "WARN", f"{name} was rendered by version {_renderer(run)}"
        else:
            yield "FAIL", f"{name} differs from the log in line {_line(found, expected.encode())}"

    return check


def has_section(key: str) -> Callable[[Subject], Says]:
    """Return the check of a graph without a file of its own: it stands in `answer_graph.json`."""

    def check(run: Subject) -> Says:
        from_log = json.loads(run.rendered["answer_graph.json"])
        found = run.parsed("answer_graph.json")
        yield from differing({f"answer_graph.json {key}": (found.get(key), from_log[key])})

    return check


def projections_match(run: Subject) -> Says:
    """Compare each file with the digest that was logged when it was written."""
    logged = {
        event.fact.projection_name: event.fact
        for event in run.events
        if isinstance(event.fact, ProjectionWritten)
    }
    for name in run.rendered:
        if name not in logged:
            yield "FAIL", f"no event tells that {name} was written"
            continue
        data = run.file(name) or b""
        if sha256(data) == logged[name].sha256:
            continue
        is_rebuilt = data == run.rendered[name].encode()
        yield ("WARN" if is_rebuilt else "FAIL"), f"{name} is not what was written then"
    yield "PASS", f"{len(logged)} files have the digests of their events"


def _renderer(run: Subject) -> str:
    versions = [
        event.fact.renderer_version
        for event in run.events
        if isinstance(event.fact, ProjectionWritten)
    ]
    return versions[-1] if versions else RENDERER_VERSION


def _line(found: bytes, expected: bytes) -> int:
    """Return the number of the first line that is another."""
    pairs = zip(found.splitlines(), expected.splitlines(), strict=False)
    same = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    if same is None:
        same = min(len(found.splitlines()), len(expected.splitlines()))
    return same + 1
