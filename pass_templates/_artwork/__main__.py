"""Write every picture of the shipped templates into its folder."""

from __future__ import annotations

from pathlib import Path

from pass_templates._artwork.canvas import Canvas
from pass_templates._artwork.emblems import EMBLEMS, icon, logo, medal, stamp_side
from pass_templates._artwork.strips import STRIPS

_ICON_COLORS = 128
_STRIP_COLORS = {"cashback": 80, "discount": 128}
_STRIP_COLORS_DEFAULT = 192
"""Fine lines and long shades are what costs bytes in a palette PNG; the two dearest motifs get fewer colours."""


def write(root: Path) -> None:
    """Draw all pictures into `root`/<kind>/."""
    for kind in EMBLEMS:
        folder = root / kind
        folder.mkdir(exist_ok=True)
        _write_scales(folder, "icon", icon(kind), _ICON_COLORS)
        _write_scales(folder, "logo", logo(kind), _ICON_COLORS)
        if kind in STRIPS:
            _write_scales(folder, "strip", STRIPS[kind](), _STRIP_COLORS.get(kind, _STRIP_COLORS_DEFAULT))
    _write_scales(root / "membership", "thumbnail", medal(), _ICON_COLORS)
    for name, full in (("stamp-full@3x.png", True), ("stamp-empty@3x.png", False)):
        (root / "stamp" / name).write_bytes(stamp_side(full=full).png(3, _ICON_COLORS))


def _write_scales(folder: Path, name: str, canvas: Canvas, colors: int) -> None:
    for scale, suffix in ((1, ""), (2, "@2x"), (3, "@3x")):
        (folder / f"{name}{suffix}.png").write_bytes(canvas.png(scale, colors))


if __name__ == "__main__":
    write(Path(__file__).resolve().parent.parent)
