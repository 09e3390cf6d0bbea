"""Where a Chromium for the tests of the pages is. `python -m tests.chromium` prints it, or fails."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

_NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome")


def find_chromium() -> Path | None:
    """Return the executable: the operating system's, or the one that playwright installed; None without any."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


if __name__ == "__main__":
    path = find_chromium()
    if path is None:
        sys.exit("there is no Chromium")
    sys.stdout.write(str(path))
