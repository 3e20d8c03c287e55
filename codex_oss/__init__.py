"""OpenCode Bridge: delegate work from Codex to open-source models without trusting them."""

__version__ = "0.1.0"
