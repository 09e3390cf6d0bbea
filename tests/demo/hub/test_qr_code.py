"""The code on a phone's screen is read back by another library."""

from __future__ import annotations

import re

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from walletd.demo.qr_code import qr_html


@pytest.mark.parametrize(("message", "encoding"), [("4006381333931", "iso-8859-1"), ("Bücher 7", "utf-8")])
def test_the_code_on_the_screen_is_read_as_the_message(message: str, encoding: str) -> None:
    """What stands in the pass, in the encoding that the pass names, is what a scanner reads."""
    drawn = qr_html(message.encode(encoding))
    (size,) = (int(found) for found in re.findall(r'viewBox="0 0 (\d+) \1"', drawn))
    picture = Image.new("L", (size + 8, size + 8), 255)
    draw = ImageDraw.Draw(picture)
    for x, y, width in re.findall(r"M(\d+) (\d+)\.5h(\d+)", drawn):
        draw.line((int(x) + 4, int(y) + 4, int(x) + int(width) + 3, int(y) + 4))
    large = picture.resize((4 * picture.width, 4 * picture.height), Image.Resampling.NEAREST)
    assert [code.text for code in zxingcpp.read_barcodes(large)] == [message]
