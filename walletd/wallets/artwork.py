"""Draws the strip of a stamp card: one slot after the other, stamped or waiting, on the template's ground."""

from __future__ import annotations

import math
from io import BytesIO

from PIL import Image

from walletd.domain.face import StampRow
from walletd.wallets.template_images import SCALES
from walletd.wallets.templates import StampArtwork

MOST_SLOTS = 30
_STRIP = (375, 144)
_COLORS = 160
_SMALLEST = 12
"""Points; below this a stamp is a dot."""


def draw_stamps(artwork: StampArtwork, row: StampRow) -> dict[str, bytes]:
    """Return archive path (`strip.png`, `strip@2x.png`, `strip@3x.png`) → PNG with `row.filled` of `row.slots` stamped.

    The same row on the same artwork gives the same bytes, so the caller may keep them. It takes some tenths
    of a second. Raises ValueError unless 1 <= slots <= 30 and 0 <= filled <= slots.
    """
    if not 1 <= row.slots <= MOST_SLOTS or not 0 <= row.filled <= row.slots:
        raise ValueError(f"A stamp card has 1 to {MOST_SLOTS} slots and no more stamps than slots, not {row}.")
    side, centres = place_slots(artwork, row.slots)
    full, empty = _picture(artwork.full), _picture(artwork.empty)
    strips = {}
    for scale, suffix in SCALES.items():
        name = f"strip{suffix}.png"
        strip = _picture(artwork.strips[name])
        size = round(side * scale)
        for stamp, places in ((full, centres[: row.filled]), (empty, centres[row.filled :])):
            _put(strip, stamp.resize((size, size), Image.Resampling.LANCZOS), places, scale)
        strips[name] = _small_png(strip)
    return strips


def place_slots(artwork: StampArtwork, slots: int) -> tuple[float, list[tuple[float, float]]]:
    """Return the side of a stamp and the centre of each slot, in points, row by row from the left upper corner.

    Rows differ by one slot at most, the fuller ones above, and each row is centred on the strip. Raises ValueError
    where the template's margins and gaps leave no room.
    """
    rows = 1 if slots <= artwork.one_row_up_to else 2 if slots <= artwork.two_rows_up_to else 3
    columns = math.ceil(slots / rows)
    width, height = _STRIP[0] - 2 * artwork.margin_x, _STRIP[1] - 2 * artwork.margin_y
    side = min(
        artwork.largest,
        (width - artwork.gap * (columns - 1)) / columns,
        (height - artwork.gap * (rows - 1)) / rows,
    )
    if side < _SMALLEST:
        raise ValueError(f"{slots} slots would be {side:.0f} points wide; [stamps] in template.toml leaves no room.")
    step = side + artwork.gap
    top = (_STRIP[1] - (rows - 1) * step) / 2
    centres = []
    for row in range(rows):
        in_row = slots // rows + (row < slots % rows)
        left = (_STRIP[0] - (in_row - 1) * step) / 2
        centres += [(left + column * step, top + row * step) for column in range(in_row)]
    return side, centres


def _picture(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content), formats=("PNG",)) as picture:
        return picture.convert("RGBA")


def _put(strip: Image.Image, stamp: Image.Image, places: list[tuple[float, float]], scale: int) -> None:
    for x, y in places:
        strip.alpha_composite(stamp, (round(x * scale - stamp.width / 2), round(y * scale - stamp.height / 2)))


def _small_png(strip: Image.Image) -> bytes:
    """Return the strip with a palette: a third of the bytes, and no eye tells the difference."""
    opaque = strip.convert("RGB")
    buffer = BytesIO()
    opaque.quantize(_COLORS, Image.Quantize.MEDIANCUT, 1, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
