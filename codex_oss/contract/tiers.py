"""What each tier is and may spend: one row a tier.

A tier's name and an objective style enter, its row leaves. Everything that differs from tier to
tier in a contract is a column here (missions 3).
"""

from dataclasses import dataclass

OPEN_INVESTIGATION = "open_investigation"


@dataclass(frozen=True, slots=True)
class Tier:
    """One row of the table. `tool_budget_max` is the cap that no contract passes."""

    name: str
    mode: str
    plain_name: str
    tool_budget: int
    tool_budget_max: int
    time_budget_seconds: int
    style: str = "deterministic_lookup"
    report_schema: str = "managed_investigation_report.v1"
    max_broad_searches: int = 6
    max_low_information_actions: int = 3
    min_main_claims: int = 0
    may_write: bool = False

    @property
    def label(self) -> str:
        return "A3-open" if self.is_open else self.name

    @property
    def is_open(self) -> bool:
        return self.style == OPEN_INVESTIGATION

    @property
    def has_tools(self) -> bool:
        return self.tool_budget_max > 0

    @property
    def makes_patches(self) -> bool:
        return self.style == "implementation"


_IMPLEMENTATION = ("implementation", "implementation_report.v1")

TIERS = (
    Tier("A0", "no_tool_exact", "exact answer", 0, 0, 60),
    Tier("A1", "context_pack_report", "packed context", 0, 0, 60),
    Tier(
        "A2", "guided_exploration", "quick lookup", 10, 20, 90,
        max_broad_searches=3, max_low_information_actions=2,
    ),
    Tier("A3", "managed_investigation", "read-only investigation", 20, 100, 180, min_main_claims=1),
    Tier(
        "A3", "managed_investigation", "open investigation", 40, 200, 300, OPEN_INVESTIGATION,
        min_main_claims=1,
    ),
    Tier(
        "A4", "patch_proposal", "patch proposal", 30, 200, 300,
        "implementation", "patch_validation_report.v1",
    ),
    Tier(
        "A5", "bounded_implementation", "isolated implementation", 30, 200, 600,
        *_IMPLEMENTATION, may_write=True,
    ),
    Tier(
        "A6", "critical_implementation", "critical-path rehearsal", 30, 200, 900,
        *_IMPLEMENTATION, may_write=True,
    ),
)  # fmt: skip
"""Every tier. A3 has two rows: open investigation changes its defaults and its cap."""

TIER_NAMES = tuple(dict.fromkeys(tier.name for tier in TIERS))
MODES = {tier.name: tier.mode for tier in TIERS}
PATCH_TIERS = tuple(tier.label for tier in TIERS if tier.makes_patches)


def tier_of(name: str, style: str = "") -> Tier | None:
    """Return the row of a tier in this style, else its first row; `None` for a foreign name."""
    rows = [tier for tier in TIERS if tier.name == name]
    return next((tier for tier in rows if tier.style == style), rows[0] if rows else None)
