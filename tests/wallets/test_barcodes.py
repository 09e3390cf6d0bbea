"""The QR of a link is read back by another library, from the page's image and from a terminal's half blocks."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from walletd.wallets.barcodes import qr_svg, qr_terminal

_LINKS = ("https://cards.example.com/add/8h2kq4v7r9", "https://bücher.example/add/" + "a9Zk" * 40)
_SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("link", _LINKS)
def test_the_image_is_read_as_the_link(link: str) -> None:
    """What the lines of the image darken is a QR code of the link."""
    image = ET.fromstring(qr_svg(link))  # noqa: S314 - our own drawing
    size = int(image.attrib["viewBox"].split()[2])
    _, lines = image.findall(f"{_SVG}path")
    picture = Image.new("L", (size, size), 255)
    draw = ImageDraw.Draw(picture)
    for x, y, width in re.findall(r"M(\d+) (\d+)\.5h(\d+)", lines.attrib["d"]):
        draw.line((int(x), int(y), int(x) + int(width) - 1, int(y)))
    assert _read(picture) == [link]


def test_the_image_brings_its_ground_and_quiet_zone() -> None:
    """On any page, a dark one too, the code stands on white with the four free modules that readers need."""
    image = ET.fromstring(qr_svg(_LINKS[0]))  # noqa: S314 - our own drawing
    ground, lines = image.findall(f"{_SVG}path")
    size = int(image.attrib["viewBox"].split()[2])
    assert (ground.attrib["fill"], ground.attrib["d"]) == ("#fff", f"M0 0h{size}v{size}H0z")
    runs = [(int(x), int(y), int(width)) for x, y, width in re.findall(r"M(\d+) (\d+)\.5h(\d+)", lines.attrib["d"])]
    assert (min(x for x, _, _ in runs), min(y for _, y, _ in runs)) == (4, 4)
    assert (max(x + width for x, _, width in runs), max(y for _, y, _ in runs)) == (size - 4, size - 5)
    assert image.attrib["width"] == image.attrib["height"] == str(size * 8)


@pytest.mark.parametrize("link", _LINKS)
def test_the_half_blocks_of_a_terminal_are_read_as_the_link(link: str) -> None:
    """On a dark terminal blocks are light, so their negative is the code."""
    rows = qr_terminal(link).splitlines()
    picture = Image.new("L", (max(map(len, rows)), 2 * len(rows)), 0)
    for y, row in enumerate(rows):
        for x, sign in enumerate(row):
            upper, lower = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255)}.get(sign, (0, 0))
            picture.putpixel((x, 2 * y), upper)
            picture.putpixel((x, 2 * y + 1), lower)
    assert _read(picture) == [link]


def _read(picture: Image.Image) -> list[str]:
    large = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    return [code.text for code in zxingcpp.read_barcodes(large)]
