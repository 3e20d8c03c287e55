"""How many files and sockets this process may hold open at once."""

import resource
from contextlib import suppress


def allow_descriptors(wanted: int) -> int:
    """Raise the limit to `wanted`, no further, and only where the system lets us; return how many
    of them may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _covers(soft, wanted):
        return wanted
    raised = wanted if _covers(hard, wanted) else hard
    with suppress(ValueError, OSError):  # macOS: more than the kernel gives one process.
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        return raised
    return soft


def _covers(limit: int, wanted: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= wanted
