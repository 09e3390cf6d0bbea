"""Barcodes outside of passes: the QR of a link, for pages and for a terminal."""

from __future__ import annotations

import io
from itertools import groupby
from typing import Final

import qrcode

_MODULE_PIXELS: Final = 8


def qr_svg(text: str) -> bytes:
    """Return a QR as an SVG image of its own, black on white with a quiet zone of four modules.

    The library's own images draw each module by itself, which takes twice the time and three times the bytes of lines.
    """
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=4)
    code.add_data(text)
    lines = []
    rows = code.get_matrix()
    for y, row in enumerate(rows):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            if is_dark:
                lines.append(f"M{x} {y}.5h{width}")
            x += width
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size * _MODULE_PIXELS}" height="{size * _MODULE_PIXELS}"'
        f' viewBox="0 0 {size} {size}"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path stroke="#000" d="{"".join(lines)}"/></svg>'
    ).encode()


def qr_terminal(text: str) -> str:
    """Return a QR as lines of half blocks for a terminal whose ground is dark."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_L)
    code.add_data(text)
    lines = io.StringIO()
    code.print_ascii(lines, invert=True)
    return lines.getvalue()
