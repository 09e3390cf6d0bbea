"""The colours of the kinds; the backgrounds are those of the template.toml files."""

from __future__ import annotations

from dataclasses import dataclass

from pass_templates._artwork.canvas import Rgb

WHITE: Rgb = (255, 255, 255)
GOLD: Rgb = (246, 200, 95)
PALE_GOLD: Rgb = (255, 231, 168)


@dataclass(frozen=True, slots=True)
class Palette:
    """The card's background, a deep and a light neighbour for shades, and the accent of its emblem."""

    background: Rgb
    deep: Rgb
    light: Rgb
    accent: Rgb


PALETTES = {
    "loyalty": Palette((27, 32, 84), (17, 20, 58), (74, 66, 168), GOLD),
    "stamp": Palette((72, 43, 32), (48, 27, 20), (122, 78, 54), (248, 226, 196)),
    "cashback": Palette((7, 84, 66), (4, 56, 46), (23, 133, 98), (167, 243, 197)),
    "discount": Palette((184, 36, 52), (142, 20, 46), (240, 92, 62), (255, 222, 196)),
    "gift": Palette((104, 18, 46), (70, 8, 32), (158, 38, 66), GOLD),
    "membership": Palette((26, 27, 32), (14, 15, 18), (66, 66, 76), (232, 205, 150)),
    "coupon": Palette((255, 205, 84), (246, 172, 46), (255, 229, 150), (196, 52, 44)),
    "multipass": Palette((4, 96, 138), (3, 62, 104), (44, 176, 200), (188, 240, 246)),
    "reward": Palette((86, 28, 120), (54, 14, 88), (178, 60, 150), GOLD),
}
