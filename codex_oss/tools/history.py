"""Ask git how the project stands and what was changed: the tools of the class `safe_git`.

A call and what it may use enter, an observation or a denial leaves. Only names and counts are
shown, never a line of a file, and of paths only those in scope: all others are a number. Which
questions are asked, and that no repository answers with code of its own, is `system.git`'s business
(missions 5.4).
"""

import re
from collections.abc import Callable, Sequence

from codex_oss.errors import ProcessFailed
from codex_oss.system import Changed, Commit, Git, is_revision
from codex_oss.tools.answers import NOTE_BYTES, Means, failure, note
from codex_oss.tools.documents import fitting, shown_text
from codex_oss.tools.observations import Denied, Failed, Observation, ToolCall

SUBJECT_CHARACTERS_MAX = 200
AUTHOR_CHARACTERS_MAX = 100
COMMITS_MAX = 50
Result = Observation | Denied

_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_NO_REPOSITORY = Failed("no_repository", "git knows no work tree here")
_NO_COMMIT = Failed("absent", "git knows no commit here")
_NO_ANSWER = Failed("git_failed", "git could not say; a setting of the repository may be why")
_TOO_SLOW = Failed("git_timeout", "git did not answer in time: ask for a path")


def _asking(question: Callable[[ToolCall, Means, Git], Result]) -> Callable[..., Result]:
    """Return a tool that ends in words of ours where git takes too long."""

    def run(call: ToolCall, means: Means) -> Result:
        try:
            return question(call, means, Git(means.guard.root, means.deadline))
        except ProcessFailed:
            return failure(call, _TOO_SLOW, call.text("path"))

    return run


@_asking
def status(call: ToolCall, means: Means, git: Git) -> Result:
    """`rtk_git_status`: branch, head, and the changed files in scope."""
    standing = git.standing()
    if standing is None:
        return failure(call, _NO_REPOSITORY)
    visible = means.guard.visible(path for _, path in standing.entries)
    branch = means.guard.redactor.redact(standing.branch)
    entries = [f"{letters} {path}" for letters, path in standing.entries if path in visible]
    head = (f"branch {shown_text(branch.text)}", f"head {standing.head or '(no commit)'}")
    hidden = len(standing.entries) - len(entries)
    return _told(call, means, (*head, *entries), hidden=hidden, redactions=len(branch.kinds))


@_asking
def log(call: ToolCall, means: Means, git: Git) -> Result:
    """`rtk_git_log`: the last commits, or those that changed a path. One of which no file is in
    scope is only counted."""
    place = means.guard.resolve_folder(call.text("path") or ".")
    if isinstance(place, Denied):
        return place
    limit = call.whole("limit") or COMMITS_MAX
    head = git.head()
    found = git.log(head, limit + 1, place.real_path) if head else None
    if found is None:
        return failure(call, _NO_ANSWER if head else _NO_COMMIT, place.path)
    visible = means.guard.visible({path for _, paths in found for path in paths})
    commits = [c for c, paths in found[:limit] if not paths or not visible.isdisjoint(paths)]
    lines, redactions = _lines_of(commits, means)
    more = call.changed(limit=COMMITS_MAX).key if limit < COMMITS_MAX else ""
    cut = f"the last {limit} commits" if len(found) > limit else ""
    hidden = len(found[:limit]) - len(commits)
    return _told(call, means, lines, hidden=hidden, redactions=redactions, cut=cut, more=more)


@_asking
def show_stat(call: ToolCall, means: Means, git: Git) -> Result:
    """`rtk_git_show_stat`: a commit, and how many lines of which files it changed."""
    revision = call.text("rev")
    if not is_revision(revision):
        rule = f"`{shown_text(revision)}` is no id, branch or tag"
        return means.guard.denied("bad_revision", rule, "")
    commit_id = git.commit_id(revision)
    found = git.changes_of(commit_id) if commit_id else None
    if found is None:
        absent = Failed("absent", f"there is no commit `{revision}`")
        return failure(call, _NO_ANSWER if commit_id else absent)
    commit, changes = found
    rows, hidden = _counted(changes, means)
    if changes and hidden == len(changes):
        return means.guard.denied("out_of_scope", "no file that it changed is in scope", "")
    head, redactions = _lines_of((commit,), means)
    return _told(call, means, (*head, *rows), hidden=hidden, redactions=redactions)


@_asking
def diff_stat(call: ToolCall, means: Means, git: Git) -> Result:
    """`rtk_git_diff_stat`: how many lines of which files are changed and not committed."""
    place = means.guard.resolve_folder(call.text("path") or ".")
    if isinstance(place, Denied):
        return place
    changes = git.changes(place.real_path, staged=call.flag("staged"))
    if changes is None:
        return failure(call, _NO_REPOSITORY, place.path)
    rows, hidden = _counted(changes, means)
    return _told(call, means, rows, hidden=hidden)


def _lines_of(commits: Sequence[Commit], means: Means) -> tuple[list[str], int]:
    """Return a line for each commit, and how many secrets are not in them. No address is shown."""
    words = [_ADDRESS.sub("(address)", c.author) + f"\n{c.subject}" for c in commits]
    clear = means.guard.redactor.redact("\n".join(words))
    texts = clear.text.split("\n")
    pairs = zip(commits, texts[::2], texts[1::2], strict=False)
    lines = [
        f"{commit.id} {commit.date} {shown_text(author, AUTHOR_CHARACTERS_MAX)}:"
        f" {shown_text(subject, SUBJECT_CHARACTERS_MAX)}"
        for commit, author, subject in pairs
    ]
    return lines, len(clear.kinds)


def _counted(changes: Sequence[Changed], means: Means) -> tuple[list[str], int]:
    """Return a line for each file in scope and one for their sum, and how many are not shown."""
    visible = means.guard.visible(change.path for change in changes)
    shown = [change for change in changes if change.path in visible]
    added, removed = sum(c.added or 0 for c in shown), sum(c.removed or 0 for c in shown)
    rows = [
        f"binary {each.path}"
        if each.added is None
        else f"+{each.added} -{each.removed} {each.path}"
        for each in sorted(shown, key=lambda change: change.path)
    ]
    return [*rows, f"{len(shown)} files: +{added} -{removed}"], len(changes) - len(shown)


def _told(
    call: ToolCall,
    means: Means,
    lines: Sequence[str],
    *,
    hidden: int = 0,
    redactions: int = 0,
    cut: str = "",
    more: str = "",
) -> Observation:
    """Return an observation of as many lines as fit."""
    shown = fitting(lines, means.result_bytes_max - NOTE_BYTES)
    if len(shown) < len(lines):
        cut, more = f"the first {len(shown)} of {len(lines)} lines", ""
    return Observation(
        tool=call.name,
        command=call.key,
        exit_code=0 if lines else 1,
        text="\n".join((*shown, *note(cut=cut, hidden=str(hidden or "")))),
        complete=not cut,
        truncated=bool(cut),
        path=call.text("path"),
        next=more if cut else "",
        redactions=redactions,
    )
