"""The folder of Google's official button."""

from __future__ import annotations

from pathlib import Path

import pytest

from walletd.cli.merchants.google_buttons import read_google_buttons
from walletd.domain.errors import ConfigurationRefused


def test_the_pictures_of_a_folder_are_known_by_their_language(tmp_path: Path) -> None:
    """Other files of the folder are none of them."""
    for name in ("de.svg", "en.svg", "README.txt"):
        (tmp_path / name).write_text(name)
    assert read_google_buttons(tmp_path) == {"de": b"de.svg", "en": b"en.svg"}


def test_no_folder_means_a_plain_link() -> None:
    """The button may be shown but not shipped, so a fresh installation has none."""
    assert read_google_buttons(None) == {}


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_pictures_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    """A slip in the setting is met by who starts the server, not by who opens the page."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationRefused, match="WALLETD_GOOGLE_BUTTON_DIR"):
        read_google_buttons(tmp_path / name)
