"""The QR code of a card on a phone's screen."""

from __future__ import annotations

from itertools import groupby

import qrcode


def qr_html(message: bytes) -> str:
    """Return the code as an inline SVG without a quiet zone, which the page's style sheet gives it, as its size."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(message)
    rows = code.get_matrix()
    path = ""
    for y, row in enumerate(rows):
        x = 0
        for is_dark, run in groupby(row):
            width = len(list(run))
            path += f"M{x} {y}.5h{width}" if is_dark else ""
            x += width
    return f'<svg class="qr" viewBox="0 0 {len(rows)} {len(rows)}"><path stroke="#000" d="{path}"/></svg>'
