"""The images of a template: which there may be, their sizes, and whether they are what they claim to be.

Sizes are checked in the header before anything is decoded, so that a picture that would fill the memory never is.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.colors import LEAST_CONTRAST, Rgb, contrast

SCALES = {1: "", 2: "@2x", 3: "@3x"}
"""Pixels per point → how the file name says it."""

STAMP_IMAGES = ("stamp-empty@3x.png", "stamp-full@3x.png")

_STRIP = (375, 144)
_ICONS = ((29, 29), (38, 38))
_LOGO = (160, 50)
_THUMBNAIL = 90
_STAMP = (180, 180)
_IMAGES_OF_STYLE = {
    "storeCard": ("icon", "logo", "strip"),
    "coupon": ("icon", "logo", "strip"),
    "generic": ("icon", "logo", "thumbnail"),
}
_NAME = re.compile(r"(?P<base>[a-z]+)(?P<scale>@2x|@3x)?\.png")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ROW_OF_PRIMARY = (30, 114)
"""Points from the top of the strip between which the primary field stands."""
_UNREADABLE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Size:
    width: int
    height: int


def check_images(images: Mapping[str, bytes], style: str, languages: Iterable[str], path: str) -> None:
    """Check all images that go into a pass; keys are archive paths, `path` is the template's folder.

    Raises TemplateInvalid for a name that the style does not know, a missing scale, a wrong size, a file that is no
    whole PNG, or an image that stands both at the root and in a language (A1.2).
    """
    folders = _by_folder(images)
    known = _IMAGES_OF_STYLE[style]
    root = folders.pop("", {})
    if "icon.png" not in root:
        raise TemplateInvalid(
            "A pass without icon does not open; add icon.png, icon@2x.png and icon@3x.png.", path=f"{path}/icon.png"
        )
    for folder, names in {"": root, **folders}.items():
        place = f"{path}/{folder}" if folder else path
        _check_names(names, known, place)
        for name, content in names.items():
            _check_image(name, content, f"{place}/{name}")
        _check_scales(names, place)
    _check_localized(root, folders, languages, path)


def check_stamp_image(content: bytes, path: str) -> None:
    """Check the image of one slot: a square PNG of 180 x 180 pixels."""
    size = check_png(content, path)
    if (size.width, size.height) != _STAMP:
        _refuse_size(size, "60 x 60 points at @3x, which is 180 x 180", path)
    _decode(content, path)


def check_legible(strip: bytes, foreground: Rgb, width: float, path: str) -> None:
    """Refuse a strip on which the primary field cannot be read; `width` is how far it reaches, in points."""
    top, bottom = _ROW_OF_PRIMARY
    with Image.open(BytesIO(strip)) as picture:
        under = picture.convert("RGB").crop((15, top, max(16, min(round(width), picture.width)), bottom))
    colors = under.getcolors(under.width * under.height) or []
    weak = sum(count for count, color in colors if contrast(_rgb(color), foreground) < LEAST_CONTRAST)
    if weak > _UNREADABLE_SHARE * under.width * under.height:
        raise TemplateInvalid(
            f"The primary field stands on the left of the strip, and on {100 * weak // (under.width * under.height)} % "
            f"of that ground its contrast is below {LEAST_CONTRAST:.0f}:1; make the left of the strip calmer, or "
            "change colors.foreground.",
            path=path,
        )


def check_png(content: bytes, path: str) -> _Size:
    """Return the size that the header states, after a walk over all chunks; decodes nothing.

    Raises TemplateInvalid for anything that is not one whole PNG from the first byte to the last.
    """
    if not content.startswith(_SIGNATURE):
        raise TemplateInvalid("The file is not a PNG, whatever its name says; export it as PNG.", path=path)
    size, at, name = None, len(_SIGNATURE), b""
    while name != b"IEND":
        if at + 12 > len(content):
            raise TemplateInvalid("The PNG breaks off; export it again.", path=path)
        length, name = struct.unpack_from(">I4s", content, at)
        if size is None:
            if name != b"IHDR" or length != 13:
                raise TemplateInvalid("The PNG has no header; export it again.", path=path)
            size = _Size(*struct.unpack_from(">II", content, at + 8))
        if name in {b"acTL", b"eXIf"}:
            raise TemplateInvalid("The PNG is animated or carries camera data; export it plain.", path=path)
        at += 12 + length
    if at != len(content) or size is None:
        raise TemplateInvalid("Something follows the end of the PNG; export it again.", path=path)
    return size


def _by_folder(images: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    folders: dict[str, dict[str, bytes]] = {}
    for archive_path, content in images.items():
        folder, _, name = archive_path.rpartition("/")
        folders.setdefault(folder, {})[name] = content
    return folders


def _check_names(names: Iterable[str], known: tuple[str, ...], place: str) -> None:
    for name in names:
        match = _NAME.fullmatch(name)
        if match is None or match["base"] not in known:
            raise TemplateInvalid(
                f"No phone would show this file. This style shows {', '.join(known)}, each as .png, @2x.png and "
                "@3x.png; rename or remove it.",
                path=f"{place}/{name}",
            )


def _check_scales(names: Iterable[str], place: str) -> None:
    present = set(names)
    for base in sorted({name.partition(".")[0].partition("@")[0] for name in present}):
        for suffix in SCALES.values():
            if f"{base}{suffix}.png" not in present:
                raise TemplateInvalid(
                    "The image is missing at this scale; each image is needed at all three.",
                    path=f"{place}/{base}{suffix}.png",
                )


def _check_image(name: str, content: bytes, path: str) -> None:
    base, _, scale_text = name.removesuffix(".png").partition("@")
    scale = int(scale_text[:1] or 1)
    size = check_png(content, path)
    if base == "icon":
        fits, wanted = (size.width / scale, size.height / scale) in _ICONS, "29 x 29 (or 38 x 38)"
    elif base == "strip":
        fits, wanted = (size.width, size.height) == (_STRIP[0] * scale, _STRIP[1] * scale), "375 x 144"
    elif base == "logo":
        fits, wanted = size.width <= _LOGO[0] * scale and size.height <= _LOGO[1] * scale, "at most 160 x 50"
    else:
        fits, wanted = _fits_thumbnail(size, scale), "90 points on the longer side, no narrower than 2:3"
    if not fits or not size.width or not size.height:
        _refuse_size(size, f"{wanted} points at {scale} pixels per point", path)
    picture = _decode(content, path)
    if base == "icon" and picture.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise TemplateInvalid("The icon must be opaque; give it a ground.", path=path)


def _fits_thumbnail(size: _Size, scale: int) -> bool:
    longer, shorter = max(size.width, size.height), min(size.width, size.height)
    return longer == _THUMBNAIL * scale and 3 * shorter >= 2 * longer


def _refuse_size(size: _Size, wanted: str, path: str) -> None:
    raise TemplateInvalid(
        f"The image is {size.width} x {size.height} pixels; it must be {wanted}. Export it in that size.", path=path
    )


def _decode(content: bytes, path: str) -> Image.Image:
    try:
        with Image.open(BytesIO(content), formats=("PNG",)) as picture:
            picture.load()
            return picture
    except (OSError, SyntaxError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise TemplateInvalid(f"The PNG cannot be decoded ({error}); export it again.", path=path) from error


def _check_localized(
    root: Mapping[str, bytes], folders: Mapping[str, Mapping[str, bytes]], languages: Iterable[str], path: str
) -> None:
    localized = {name for names in folders.values() for name in names}
    for name in sorted(localized & set(root)):
        raise TemplateInvalid(
            "The image stands at the root and in a language; the root hides the others. Keep it in one of the two.",
            path=f"{path}/{name}",
        )
    for language in languages:
        for name in sorted(localized - set(folders.get(f"{language}.lproj", {}))):
            raise TemplateInvalid(
                "Another language has this image; each language needs the same images.",
                path=f"{path}/{language}.lproj/{name}",
            )


def _rgb(color: object) -> Rgb:
    if not isinstance(color, tuple):
        raise TypeError("A colour of an RGB picture is a tuple.")
    red, green, blue = color
    return red, green, blue
