"""The table of settings: each variable is a field of `Settings`, on a row of its own.

A row says default, type and meaning, the default as a user would write it. To add a variable, add
its row; README and the example of an env file are compared with the table by a test. What a later
part of the product will read stands in `later`, so that nothing is read and then ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Literal

from codex_oss.errors import Fault
from codex_oss.settings.kinds import (
    Strategy,
    base_url,
    chains,
    counts,
    document,
    folder,
    host,
    key,
    names,
    names_or_none,
    one_of,
    path,
    proxy,
    renaming,
    strategy,
    switch,
    text,
    whole,
)
from codex_oss.settings.later import LATER
from codex_oss.settings.rows import Setting, setting

DAY = 86_400  # Seconds. The longest that anything may be told to wait.
Level = Literal["debug", "info", "warning", "error"]
UPSTREAM_KEY_NAMES = ("OPENCODE_GO_API_KEY", "UPSTREAM_API_KEY", "OPENCODE_API_KEY")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for one process. Fields below the table come from the sources, not from a row."""

    opencode_go_api_key: str = setting("", key, "key of OpenCode Go", is_secret=True)
    upstream_api_key: str = setting("", key, "second choice for the same key", is_secret=True)
    opencode_api_key: str = setting("", key, "third choice for the same key", is_secret=True)
    allow_missing_opencode_key: bool = setting(
        "0", switch, "start although the default profile has no key; requests that need it fail"
    )
    upstream_base: str = setting(
        "https://opencode.ai/zen/go/v1", base_url, "base URL of OpenCode Go; http only to loopback"
    )
    openai_api_key: str = setting(
        "", key, "key of OpenAI, needed for GPT_MODEL_STRATEGY=openai", is_secret=True
    )
    openai_base_url: str = setting(
        "https://api.openai.com/v1", base_url, "base URL of OpenAI; http only to loopback"
    )
    proxy_api_key: str = setting(
        "", key, "key that callers must send; otherwise the installed one", is_secret=True
    )
    litellm_master_key: str = setting("", key, "another name of PROXY_API_KEY", is_secret=True)
    codex_oss_local_token: str = setting("", key, "another name of PROXY_API_KEY", is_secret=True)

    proxy_host: str = setting("127.0.0.1", host, "address to listen at")
    proxy_allow_remote: bool = setting(
        "0", switch, "allow an address that other machines reach; needs a key of 32 characters"
    )
    proxy_port: int = setting("4000", whole(0, 65535), "port; 0 takes any free one")
    proxy_allowed_hosts: tuple[str, ...] = setting(
        "", names, "list of further Host values, name:port, beside the loopback names"
    )
    proxy_max_body_bytes: int = setting("33554432", whole(1 << 20, 1 << 30), "largest request body")
    proxy_max_connections: int = setting("1024", whole(8, 65536), "most client connections")
    proxy_header_timeout_seconds: int = setting("10", whole(1, DAY), "for the whole head")
    proxy_body_timeout_seconds: int = setting(
        "30", whole(1, DAY), "longest gap inside a body, and 1 s for each MiB on top"
    )
    proxy_keepalive_seconds: int = setting("60", whole(1, DAY), "life of an idle connection")
    proxy_write_timeout_seconds: int = setting("30", whole(1, DAY), "one write to a slow reader")
    responses_websocket: bool = setting(
        "0", switch, "speak WebSocket on GET /v1/responses; otherwise an upgrade gets 426"
    )
    proxy_log_path: Path | None = setting(
        "", path, "log file; otherwise stderr, and .codex-oss/logs/bridge.log for a daemon"
    )
    proxy_log_level: Level = setting(
        "info", one_of("debug", "info", "warning", "error"), "least level that is logged"
    )
    proxy_log_max_bytes: int = setting(
        "10485760", whole(1 << 16, 1 << 40), "size at which the log is rotated; 5 are kept"
    )
    proxy_state_db: Path | None = setting(
        "", path, "conversation store; otherwise .codex-oss/state/proxy.sqlite3"
    )
    proxy_state_ttl_seconds: int = setting("21600", whole(1, 365 * DAY), "age of a response")
    proxy_state_max_responses: int = setting("2000", whole(1, 1_000_000), "most responses kept")
    proxy_state_max_bytes: int = setting("268435456", whole(1 << 20, 1 << 40), "most bytes kept")
    proxy_background_max: int = setting("16", whole(1, 1024), "background responses at once")
    bridge_shutdown_drain_seconds: int = setting(
        "180", whole(0, 3600), "time in which running turns may finish after a stop"
    )
    codex_oss_project: Path | None = setting(
        "", path, "project root; otherwise the installed folder above, git's, or the current one"
    )
    codex_oss_supervisor_mode: str = setting(
        "", text, "who looks after this process, as its launcher says; shown in /health"
    )
    codex_home: Path = setting("~/.codex", folder, "home of Codex; holds the installed local key")

    model_map_json: Mapping[str, str] = setting(
        "{}", renaming, "JSON object, name to upstream model or profile, added to the built-in map"
    )
    profiles_json: str = setting("", document, "JSON document of further profiles")
    profiles_file: Path | None = setting(
        "", path, "TOML file of further profiles; otherwise .codex-oss/env/profiles.toml, if any"
    )
    oss_default_profile: str = setting(
        "", text, "profile where a door names none; otherwise kimi with a key, else rehearsal"
    )
    fallback_model_map_json: Mapping[str, tuple[str, ...]] = setting(
        '{"deepseek-v4-pro":["kimi-k2.6","deepseek-v4-flash"],"kimi-k2.6":["deepseek-v4-flash"],'
        '"deepseek-v4-flash":["kimi-k2.6"]}',
        chains,
        "JSON object, model to those that answer in its place, in order; {} for none",
    )
    gpt_model_strategy: Strategy = setting(
        "error",
        strategy,
        "what a GPT model name gets: error, oss (another model) or openai (passed on)",
    )
    gpt_model_oss_fallback: str = setting(
        "deepseek-v4-pro", text, "the model that answers with GPT_MODEL_STRATEGY=oss"
    )
    upstream_stream: bool = setting(
        "1", switch, "0: ask providers for one JSON reply, and stream it out in pieces"
    )
    upstream_first_byte_timeout_seconds: int = setting(
        "30", whole(1, DAY), "to the first byte of a streamed reply"
    )
    upstream_idle_timeout_seconds: int = setting(
        "30", whole(1, DAY), "longest silence inside a streamed reply"
    )
    upstream_timeout_seconds: int = setting(
        "240", whole(1, DAY), "whole of a call that is not streamed"
    )
    upstream_stream_max_seconds: int = setting("1800", whole(1, DAY), "whole of a streamed call")
    upstream_retries: int = setting(
        "2", whole(0, 10), "more tries on the same model, before its first content"
    )
    circuit_breaker_errors: int = setting(
        "2", whole(1, 1000), "failures in a row that open a model's breaker"
    )
    circuit_breaker_cooldown: int = setting(
        "300", whole(1, DAY), "seconds until an open breaker lets one probe through"
    )
    degraded_completion_on_timeout: bool = setting(
        "1", switch, "a legacy handoff without a model's report gets one without conclusions"
    )
    upstream_connect_timeout_seconds: int = setting("10", whole(1, DAY), "for TCP and TLS")
    request_deadline_seconds: int = setting(
        "90",
        whole(5, 3600),
        "from a request to the first upstream content; all of a legacy handoff; missions if set",
    )
    max_global_upstream_concurrency: int = setting("5", whole(1, 1024), "most upstream calls")
    model_concurrency_json: Mapping[str, int] = setting(
        '{"deepseek-v4-pro":1,"kimi-k2.6":1,"deepseek-v4-flash":2}',
        counts(1, 1024),
        "JSON object, model to its most upstream calls; others have only the common limit",
    )
    upstream_queue_max: int = setting("64", whole(0, 4096), "most requests that wait for a call")

    https_proxy: str = setting(
        "", proxy, "http://HOST:PORT on the way to providers, never to loopback", is_secret=True
    )
    no_proxy: tuple[str, ...] = setting(
        "", names, "list of hosts and domains that are asked straight; * for all"
    )

    sse_upstream_heartbeat_seconds: int = setting(
        "5", whole(1, 15), "silence after which response.in_progress is sent"
    )
    sse_chunk_size: int = setting("256", whole(16, 65536), "characters of a delta we cut")
    sse_function_args_chunk_size: int = setting(
        "1024", whole(16, 65536), "characters of an argument delta we cut"
    )
    sse_heartbeat_comment: bool = setting(
        "0", switch, "send a comment beside each sign of life; it does not keep Codex waiting"
    )
    stream_queue_maxsize: int = setting(
        "256", whole(1, 65536), "bursts of a mission's model that wait to be read"
    )
    reasoning_expose: Literal["content", "summary", "sealed"] = setting(
        "content", one_of("content", "summary", "sealed"), "how a model's reasoning is shown"
    )
    expose_empty_reasoning_item: bool = setting(
        "1", switch, "reasoning that is not shown still appears, sealed, so that it can be replayed"
    )
    salvage_tool_calls: Literal["auto", "off", "all"] = setting(
        "auto", one_of("auto", "off", "all"), "calls that a model writes as text: which are taken"
    )
    strip_tools: bool = setting("0", switch, "declare no tool to any provider")
    force_single_tool_instructions: bool = setting(
        "0", switch, "ask for one call at a time; needed no more"
    )

    oss_support_modes: bool = setting(
        "1", switch, "serve a legacy handoff to a raw model in its mode; 0 takes it for text"
    )
    oss_native_max_tool_exchanges: int = setting(
        "1", whole(0, 100), "tool rounds before the report, where the handoff names none"
    )
    oss_max_tool_turns: int = setting("6", whole(0, 100), "most tool rounds of a handoff")
    oss_max_write_tool_turns: int = setting(
        "3", whole(0, 100), "the same for a handoff that may write"
    )
    continuation_tools: tuple[str, ...] = setting(
        "none", names_or_none, "tools left after those rounds: none, or a list of names"
    )
    continuation_model: str = setting("kimi-k2.6", text, "writes the report after those rounds")
    continuation_fallback_models: tuple[str, ...] = setting(
        "deepseek-v4-flash", names, "list of models asked next for that report"
    )
    continuation_deadline_seconds: int = setting("45", whole(1, 3600), "for that report")
    max_tool_output_chars: int = setting(
        "20000", whole(100, 100_000_000), "longest tool output of a handoff, then head and tail"
    )

    write_result_mode: str = setting(
        "deterministic",
        one_of("deterministic", "model"),
        "who reports on a bounded write: deterministic, or model with one call",
    )
    context_pack_max_chars: int = setting(
        "24000", whole(1024, 5_000_000), "source text of a report on declared files"
    )
    context_pack_max_search_terms: int = setting(
        "12", whole(0, 1000), "searches for such a report, of its steps like `grep X in Y`"
    )
    oss_read_finalizer_max_files: int = setting(
        "20", whole(1, 200), "files of a report that mends what a model left undone"
    )
    oss_read_finalizer_max_excerpt_chars: int = setting(
        "1500", whole(100, 100_000), "of each of these files"
    )
    oss_read_finalizer_max_prompt_chars: int = setting(
        "12000", whole(1024, 5_000_000), "of all of them together"
    )

    oss_visible_trace: str = setting(
        "summary", one_of("off", "summary", "detailed"), "how much of a mission is told"
    )
    oss_visible_trace_stream: bool = setting(
        "1", switch, "tell it as it happens; otherwise it stands in the artifacts alone"
    )
    oss_visible_trace_max_events: int = setting("40", whole(0, 1000), "most sentences a mission")
    oss_visible_trace_max_event_chars: int = setting(
        "500", whole(80, 4000), "longest sentence, characters"
    )
    oss_inline_report_json: bool = setting("0", switch, "append the report JSON to the final text")
    sse_visible_progress_seconds: int = setting(
        "8", whole(2, 60), "silence after which a mission says what it waits for"
    )
    project_critical_roots: tuple[str, ...] = setting("", names, "list of further critical paths")
    project_critical_terms: tuple[str, ...] = setting("", names, "list of further critical terms")

    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Every variable that was set, also the keys of profiles that are in no row."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the process was started with, its flags included."""
    local_key: str = field(default="", repr=False)
    """What callers must send; "" until `with_local_key` has made one."""
    warnings: tuple[Fault, ...] = ()
    """What a person should know of and nothing is refused for; `code` is as `doctor` calls it."""

    @property
    def upstream_key(self) -> str:
        """Return the key of OpenCode Go, by whichever of its names, or ""."""
        return self.provider_key(UPSTREAM_KEY_NAMES[0])

    def provider_key(self, name: str) -> str:
        """Return the key that a profile's `key_env` names, "" where none is set."""
        return self.given.get(self.provider_key_name(name), "")

    def provider_key_name(self, name: str) -> str:
        """Return the variable that is in use for this key, or `name` where none is set."""
        choices = UPSTREAM_KEY_NAMES if name == UPSTREAM_KEY_NAMES[0] else (name,)
        return next((choice for choice in choices if choice in self.given), name)

    @property
    def default_profile(self) -> str:
        return self.oss_default_profile or ("kimi" if self.upstream_key else "rehearsal")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every secret of the table that is set: what nobody may be shown."""
        values = {self.given.get(row.name, "") for row in SETTINGS if row.is_secret}
        return tuple(sorted((values | {self.local_key}) - {""}))

    @property
    def fingerprint(self) -> str:
        """Return a digest of all that holds; of a secret, only whether it is set."""
        values = ((row, getattr(self, row.name.lower())) for row in EFFECTIVE)
        lines = (f"{row.name}={bool(v) if row.is_secret else v}\n" for row, v in values)
        return sha256("".join(lines).encode()).hexdigest()


EFFECTIVE: tuple[Setting, ...] = tuple(
    row.metadata["row"](row.name.upper()) for row in fields(Settings) if row.metadata
)
SETTINGS = (*EFFECTIVE, *LATER)
"""Every variable that is known: those that are fields above, and those without an effect."""
