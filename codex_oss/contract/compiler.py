"""Write contracts that are valid as they stand, as small as they can be and still be read.

A tier and an objective style enter, a document leaves that `parse_mission` takes without a fault
or a warning. People fill it in: the objective, and the paths.
"""

from codex_oss.contract.mission import SCHEMA_VERSION
from codex_oss.contract.tiers import Tier, tier_of
from codex_oss.errors import UsageError


def template(tier: str, style: str = "") -> dict[str, object]:
    """Return a minimal contract of this tier. A3 also comes as `open_investigation`."""
    row = tier_of(tier, style)
    if row is None or style not in ("", row.style):
        raise UsageError(
            f"there is no tier {tier} {style}".rstrip(), hint="A0 to A6; A3 open_investigation"
        )
    head: dict[str, object] = {"schema_version": SCHEMA_VERSION, "tier": tier, "mode": row.mode}
    return head | _duty(row)


def _duty(row: Tier) -> dict[str, object]:
    tools: dict[str, object] = {"allowed_tool_classes": ["read", "search", "list"]}
    if row.name == "A0":
        return {
            "objective": "Answer with the one word: ready",
            "objective_spec": {"required_values": ["ready"]},
        }
    if row.name == "A1":
        return {
            "objective": "Say what README.md promises to somebody who starts.",
            "allowed_paths": ["README.md"],
        }
    if row.makes_patches:
        return {
            "objective": "Make the function `load` in src/config.py refuse an empty file name.",
            **({"risk_tier": "critical"} if row.name == "A6" else {}),
            **({"write_allowed": True} if row.may_write else {}),
            "allowed_roots": ["src"],
            "owned_paths": ["src/config.py"],
            **tools,
        }
    looking: dict[str, object] = {"allowed_roots": ["src"], **tools}
    if row.is_open:
        return {
            "objective": "How does a setting get from the environment to where it is used?",
            "objective_style": row.style,
            **looking,
        }
    return {
        "objective": "Where is the function `main` defined, and what does it call first?",
        **looking,
    }
