"""New keys for cards from the shell: one, or a list in a file that a spreadsheet wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Walletd
from tests.cli.test_support import issue_a_card

REASON = ("--reason", "new till")


def test_keys_are_rewritten_from_a_file_with_german_headers(shop: Walletd, tmp_path: Path) -> None:
    """With a byte order mark, semicolons, other columns and empty lines; a dry run first, which changes nothing."""
    card = issue_a_card(tmp_path / "data")
    file = tmp_path / "keys.csv"
    file.write_text(f"\ufeffName;Karte;Schlüssel\nWeber;{card['key']}; 4711 \n;;\n", encoding="utf-8")
    tried = shop("card", "rewrite-keys", str(file), *REASON, "--dry-run")
    assert (tried.exit_code, tried.stdout.splitlines()[-1]) == (0, "1 of 1 cards would change.")
    assert shop("card", "show", "4711").exit_code == 2
    done = shop("card", "rewrite-keys", str(file), *REASON)
    assert done.stdout.splitlines() == [f"{card['serial_number']}: {card['key']} → 4711", "1 of 1 cards changed."]
    shown = shop("card", "show", card["key"])
    assert "key 4711" in shown.stdout
    back = shop("card", "rewrite-key", "4711", "4712", *REASON, "--retire")
    assert (back.exit_code, shop("card", "show", "4711").exit_code) == (0, 1)


def test_a_list_with_bad_rows_names_them_and_changes_nothing(shop: Walletd, tmp_path: Path) -> None:
    """Every bad row with its place; the good one beside them waits for the next try."""
    card = issue_a_card(tmp_path / "data")
    file = tmp_path / "keys.csv"
    file.write_text(f"card,key\n{card['key']},4711\nnobody,4712\n", encoding="utf-8")
    refused = shop("card", "rewrite-keys", str(file), *REASON)
    assert (refused.exit_code, "card 2 of the list: There is no card nobody." in refused.stderr) == (2, True)
    assert shop("card", "show", "4711").exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Line 1 must name"),
        (b"a;b\n1;2\n", "Line 1 must name"),
        (b"card;key\n1\n", "Line 2 has too few columns"),
        (b'card;key\n"1;2\n', "Line 2 cannot be read"),
        (b"card;key\nM\xfcller;1\n", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_list_of_keys_is_refused_with_its_line(
    shop: Walletd, tmp_path: Path, content: bytes, said: str
) -> None:
    """One clear sentence, whatever the file holds."""
    file = tmp_path / "keys.csv"
    file.write_bytes(content)
    refused = shop("card", "rewrite-keys", str(file), *REASON)
    assert (refused.exit_code, said in refused.stderr) == (2, True)
