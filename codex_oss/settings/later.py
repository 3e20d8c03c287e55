"""Variables that are known and have no effect in this version: whoever sets one is told so.

They are held against their types all the same, so that a value which is accepted today is one that
will be understood. A row moves to `table` with the part of the product that reads it.
"""

from collections.abc import Callable

from codex_oss.settings.kinds import amount, key, one_of, switch, text, whole
from codex_oss.settings.rows import Setting

NEVER = "nothing"
DAY_MS = 86_400_000

_Row = tuple[str, str, Callable[[str], object], str]

ROWS: dict[str, tuple[_Row, ...]] = {
    "run": (("CODEX_OSS_BASE_URL", "", text, "set for the commands of `run --`"),),
    "doctor": (("BRIDGE_URL", "", text, "where commands look for the bridge"),),
    "mcp": (
        (
            "CODEX_OSS_MCP_TOOL_TIMEOUT_SEC",
            "120",
            whole(30, 86_400),
            "what Codex was told; the MCP server answers 20 s earlier",
        ),
    ),
    "proofs": (
        ("OSS_GPT55_DIRECT_BASELINE_UNITS", "2.0", amount, "a run without us, as configured"),
        ("OSS_RUN_USAGE_UNITS", "0.5", amount, "a run with us, as configured"),
        ("OSS_GPT55_REVIEW_UNITS", "0.5", amount, "its review, as configured"),
        ("OSS_HOSTILE_PROFILES", "0", switch, "offer the hostile profiles of the suites"),
    ),
    "sessions": (
        ("CODEX_BIN", "codex", text, "Codex executable"),
        ("CODEX_WORKSPACE_ROOT", "", text, "workspace of sessions; otherwise the project root"),
        ("CODEX_WORKSPACE_ROOTS", "", text, "further workspaces, with `:` between them"),
        (
            "CODEX_RUNTIME_KIND",
            "app_server_adapter",
            one_of("app_server_adapter", "exec"),
            "how Codex is run",
        ),
        (
            "CODEX_SANDBOX_MODE",
            "workspace-write",
            one_of("read-only", "workspace-write"),
            "what Codex may write",
        ),
        (
            "CODEX_APPROVAL_POLICY",
            "on-request",
            one_of("untrusted", "on-request", "never"),
            "when Codex asks a person",
        ),
        ("CODEX_CHAT_TURN_TIMEOUT_MS", "180000", whole(1, DAY_MS), "for one turn"),
        ("CODEX_APPROVAL_TIMEOUT_MS", "0", whole(0, DAY_MS), "for a person; 0 waits"),
        ("CODEX_MAX_CONCURRENT_TURNS", "4", whole(1, 1024), "turns that run at once"),
        ("CODEX_MAX_QUEUED_TURNS", "40", whole(0, 4096), "turns that wait"),
        ("CODEX_MAX_SESSIONS", "200", whole(1, 10_000), "most sessions"),
        ("CODEX_MAX_SUBSCRIBERS", "64", whole(1, 10_000), "most readers of their events"),
        ("CODEX_LOGIN_STATUS_CACHE_MS", "3000", whole(0, DAY_MS), "age of a known login"),
        ("CODEX_LOGIN_HINT", "", text, "what is said where a login is missing"),
        ("CODEX_LOGIN_COMMAND", "codex login", text, "the command for it"),
        ("CODEX_PROVIDER_API_BASE_URL", "", text, "provider that sessions begin with"),
        ("CODEX_PROVIDER_API_KEY", "", key, "its key"),
        ("CODEX_DEFAULT_MODEL", "", text, "model that sessions begin with"),
        ("CODEX_RUNTIME_PROVIDER", "openai", text, "kind of that provider"),
        ("CODEX_SESSIONS_TOKEN", "", key, "token that hosts must send"),
        ("CODEX_SESSIONS_TOKEN_FILE", "", text, "file that holds it"),
        ("CODEX_BRIDGE_HOST", "127.0.0.1", text, "address of the sessions server"),
        ("CODEX_BRIDGE_PORT", "4399", whole(0, 65_535), "its port"),
    ),
    NEVER: (
        ("ALLOW_A5_WORKSPACE_APPLY", "0", switch, "no setting lets a mission change the workspace"),
        ("CODEX_SOURCE_DIR", "", text, "building Codex is not part of this product"),
    ),
}

LATER = tuple(
    Setting(name, default, sentence, parse is key, parse, waits_for)
    for waits_for, rows in ROWS.items()
    for name, default, parse, sentence in rows
)
