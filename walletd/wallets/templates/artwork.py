"""Draws the strip of a stamp card: one slot after the other, stamped or waiting, on the template's ground."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from walletd.domain.delivery.faces import StampRow
from walletd.wallets.templates.images import SCALES
from walletd.wallets.templates.stamp_places import MOST_SLOTS, place_slots
from walletd.wallets.templates.templates import StampArtwork

_COLORS = 192


def draw_stamps(artwork: StampArtwork, row: StampRow) -> dict[str, bytes]:
    """Return archive path (`strip.png`, `strip@2x.png`, `strip@3x.png`) → PNG with `row.filled` of `row.slots` stamped.

    The same row on the same artwork gives the same bytes, so the caller may keep them. It takes about
    a tenth of a second. Raises ValueError unless 1 <= slots <= 30 and 0 <= filled <= slots.
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
    opaque.quantize(_COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
