"""Pictures for Google, drawn from those of Apple's pass: a logo that bears a round mask, and a wide hero (G6).

Google fetches them once and keeps them; another picture needs another address, so addresses carry the template's
revision.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final

from PIL import Image

from walletd.domain.delivery.faces import StampRow
from walletd.wallets.templates.artwork import draw_stamps
from walletd.wallets.templates.stamp_places import MOST_SLOTS
from walletd.wallets.templates.templates import Template

LOGO_SIDE: Final = 660
HERO_SIZE: Final = (1032, 336)
_MARK_SIDE: Final = 400
"""The mark in the logo: inside of the circle that Google cuts, with 15 % around it."""
_STAMPS: Final = re.compile(r"stamps-([0-9]{1,2})-([0-9]{1,2})\Z")


def draw(template: Template, name: str) -> bytes | None:
    """Return a picture as PNG, None where there is none of this name: `logo`, `hero`, `stamps-<filled>-<slots>`."""
    if name == "logo":
        return _logo(template)
    if name == "hero":
        return _hero(template)
    stamps = _STAMPS.match(name)
    if stamps is None or template.stamps is None:
        return None
    row = StampRow(int(stamps[1]), int(stamps[2]))
    if not (1 <= row.slots <= MOST_SLOTS and row.filled <= row.slots):
        return None
    return _png(_fitted(_picture(draw_stamps(template.stamps, row)["strip@3x.png"])))


def _logo(template: Template) -> bytes:
    ground = template.colors.background
    canvas = Image.new("RGB", (LOGO_SIDE, LOGO_SIDE), (ground.red, ground.green, ground.blue))
    mark = _picture(template.images.get("logo@3x.png", template.images["icon@3x.png"]))
    scale = _MARK_SIDE / max(mark.size)
    mark = mark.resize((round(mark.width * scale), round(mark.height * scale)), Image.Resampling.LANCZOS)
    canvas.paste(mark, ((LOGO_SIDE - mark.width) // 2, (LOGO_SIDE - mark.height) // 2), mark)
    return _png(canvas)


def _hero(template: Template) -> bytes:
    if template.stamps is not None:
        return _png(_fitted(_picture(template.stamps.strips["strip@3x.png"])))
    if "strip@3x.png" in template.images:
        return _png(_fitted(_picture(template.images["strip@3x.png"])))
    ground = template.colors.background
    return _png(Image.new("RGB", HERO_SIZE, (ground.red, ground.green, ground.blue)))


def _fitted(picture: Image.Image) -> Image.Image:
    """Return the middle of a picture in the proportions of a hero."""
    width, height = HERO_SIZE
    scale = max(width / picture.width, height / picture.height)
    larger = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    left, top = (larger.width - width) // 2, (larger.height - height) // 2
    return larger.crop((left, top, left + width, top + height)).convert("RGB")


def _picture(content: bytes) -> Image.Image:
    with Image.open(BytesIO(content), formats=("PNG",)) as picture:
        return picture.convert("RGBA")


def _png(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
