"""Read every variable that the product knows, from all its sources, at once."""

from codex_oss.settings.loading import load_settings, settings_here, with_local_key
from codex_oss.settings.rows import Setting
from codex_oss.settings.table import SETTINGS, Settings

__all__ = [
    "SETTINGS",
    "Setting",
    "Settings",
    "load_settings",
    "settings_here",
    "with_local_key",
]
