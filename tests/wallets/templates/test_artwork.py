"""The strips of stamp cards."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from walletd.domain.delivery.faces import StampRow
from walletd.wallets.templates.artwork import draw_stamps
from walletd.wallets.templates.stamp_places import place_slots
from walletd.wallets.templates.templates import StampArtwork, read_template

_STAMP = Path(__file__).resolve().parents[3] / "pass_templates" / "stamp"


@pytest.fixture(scope="module")
def artwork() -> StampArtwork:
    """Return the shipped stamp artwork."""
    stamps = read_template(_STAMP).stamps
    assert stamps is not None
    return stamps


@pytest.mark.parametrize("row", [StampRow(0, 1), StampRow(3, 5), StampRow(7, 10), StampRow(30, 30)], ids=str)
def test_a_strip_has_the_right_size_at_each_scale(artwork: StampArtwork, row: StampRow) -> None:
    """A strip is 375 x 144 points, at one, two and three pixels per point."""
    sizes = {name: Image.open(BytesIO(png)).size for name, png in draw_stamps(artwork, row).items()}
    assert sizes == {"strip.png": (375, 144), "strip@2x.png": (750, 288), "strip@3x.png": (1125, 432)}


def test_the_same_row_gives_the_same_bytes(artwork: StampArtwork) -> None:
    """A pass whose stamps did not change is not sent again."""
    assert draw_stamps(artwork, StampRow(7, 10)) == draw_stamps(artwork, StampRow(7, 10))


def test_each_number_of_stamps_gives_another_strip(artwork: StampArtwork) -> None:
    """From the empty to the full card, every stamp can be seen."""
    assert len({draw_stamps(artwork, StampRow(filled, 5))["strip.png"] for filled in range(6)}) == 6


def test_stamps_fill_the_slots_from_the_first(artwork: StampArtwork) -> None:
    """With one of two slots filled, the left one is lighter: stamps are cream on brown."""
    _, centres = place_slots(artwork, 2)
    strip = Image.open(BytesIO(draw_stamps(artwork, StampRow(1, 2))["strip.png"])).convert("L")
    left, right = (strip.tobytes()[(round(y) + 18) * strip.width + round(x)] for x, y in centres)
    assert left > 180
    assert right < 80


@pytest.mark.parametrize("slots", range(1, 31))
def test_slots_stand_apart_and_within_the_margins(artwork: StampArtwork, slots: int) -> None:
    """However many slots there are, none touches another or the edge."""
    side, centres = place_slots(artwork, slots)
    assert len(set(centres)) == slots
    for x, y in centres:
        assert artwork.margin_x - 0.001 <= x - side / 2
        assert x + side / 2 <= 375 - artwork.margin_x + 0.001
        assert artwork.margin_y - 0.001 <= y - side / 2
        assert y + side / 2 <= 144 - artwork.margin_y + 0.001
    for index, first in enumerate(centres):
        for second in centres[index + 1 :]:
            assert max(abs(first[0] - second[0]), abs(first[1] - second[1])) >= (side + artwork.gap) / 2


@pytest.mark.parametrize("row", [StampRow(5, 10), StampRow(8, 24)], ids=str)
def test_three_strips_stay_within_150_kilobytes(artwork: StampArtwork, row: StampRow) -> None:
    """Half-full cards are the largest, and still arrive quickly."""
    assert sum(map(len, draw_stamps(artwork, row).values())) <= 150_000


@pytest.mark.parametrize("row", [StampRow(0, 0), StampRow(1, 31), StampRow(6, 5), StampRow(-1, 5)], ids=str)
def test_an_impossible_row_is_refused(artwork: StampArtwork, row: StampRow) -> None:
    """More stamps than slots, or more slots than fit, is a fault of the caller."""
    with pytest.raises(ValueError, match="A stamp card has 1 to 30 slots"):
        draw_stamps(artwork, row)


def test_a_layout_without_room_is_refused(artwork: StampArtwork) -> None:
    """Margins that leave nothing for the stamps are named as the cause."""
    with pytest.raises(ValueError, match="leaves no room"):
        place_slots(replace(artwork, margin_y=70), 10)
