"""Barcodes outside of passes: the QR of a link, for pages and for a terminal."""

from __future__ import annotations

import io

import segno


def qr_svg(text: str) -> bytes:
    """Return a QR as an SVG image of its own, black on white with a quiet zone."""
    inline = segno.make(text, error="m").svg_inline(scale=8, border=4, dark="#000", light="#fff")
    return inline.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).encode()


def qr_terminal(text: str) -> str:
    """Return a QR as lines of half blocks for a terminal."""
    lines = io.StringIO()
    segno.make(text, error="l").terminal(lines, compact=True)
    return lines.getvalue()
