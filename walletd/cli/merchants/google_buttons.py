"""Google's official button, from a folder of the shop: its pictures may be shown but not shipped (G6)."""

from __future__ import annotations

from pathlib import Path

from walletd.domain.errors import ConfigurationRefused


def read_google_buttons(folder: Path | None) -> dict[str, bytes]:
    """Return the pictures by language, SVG; raises ConfigurationRefused where a named folder holds none."""
    if folder is None:
        return {}
    try:
        buttons = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.svg"))}
    except OSError as error:
        raise ConfigurationRefused(f"WALLETD_GOOGLE_BUTTON_DIR: {error.filename} cannot be read.") from error
    if not buttons:
        raise ConfigurationRefused("WALLETD_GOOGLE_BUTTON_DIR: the folder holds no de.svg or en.svg.")
    return buttons
