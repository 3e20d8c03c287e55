"""Who serves models, by the names that a profile may give: their addresses and keys."""

from codex_oss.profiles.profile import Provider

OPENCODE_GO = Provider("opencode_go", "https://opencode.ai/zen/go/v1", "OPENCODE_GO_API_KEY")
OPENAI = Provider("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
PRESETS = {
    provider.name: provider
    for provider in (
        OPENCODE_GO,
        OPENAI,
        Provider("ollama", "http://127.0.0.1:11434/v1"),
        Provider("vllm", "http://127.0.0.1:8000/v1"),
        Provider("llama.cpp", "http://127.0.0.1:8080/v1"),
        Provider("osirus", ""),  # These have no address of their own: `base_url` names it.
        Provider("osirus_agent", ""),
        Provider("openai_compatible", ""),
    )
}
