"""The pass templates: what a template is, and how a folder becomes one.

A template is a folder, as Apple draws it: `template.toml`, PNG images at three scales, one `<language>.lproj` per
language. Everything is checked when it is read, and whatever does not fit is refused with its place in the folder:
nothing is dropped, guessed or mended on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.checks import check_shape, check_strings, source_type
from walletd.wallets.templates.colors import parse_color
from walletd.wallets.templates.files import LANGUAGE_FOLDER, read_files, revision_of
from walletd.wallets.templates.fit import check_fit, primary_width
from walletd.wallets.templates.images import STAMP_IMAGES, check_images, check_legible, check_stamp_image
from walletd.wallets.templates.shape import FieldShape, SourceShape, StampsShape, TemplateShape, read_shape
from walletd.wallets.templates.text import parse_strings

PLACES = ("header", "primary", "secondary", "auxiliary", "back")
"""Where a field stands on a pass, in the order of Apple's style dictionaries (`headerFields`, `primaryFields`, …)."""


@dataclass(frozen=True, slots=True)
class Color:
    """An opaque sRGB colour; each channel 0..255."""

    red: int
    green: int
    blue: int

    @property
    def css(self) -> str:
        """The form `rgb(r, g, b)`: the only documented one for passes (A1.4), and valid CSS."""
        return f"rgb({self.red}, {self.green}, {self.blue})"

    @property
    def hex(self) -> str:
        """The form `#rrggbb` that Google Wallet wants."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


@dataclass(frozen=True, slots=True)
class Colors:
    """The three colours of a pass; foreground and label stand out from the background by at least 3:1."""

    foreground: Color
    background: Color
    label: Color


@dataclass(frozen=True, slots=True)
class Source:
    """Where a shown text comes from: exactly one of `value` and `text` is set.

    `value` names an entry of `FACE_VALUES[kind]`, and `type` is its type there: number, money, percent, text, phrase
    or moment. `text` is a key of `pass.strings` that is shown as it is; its type is "string".

    How Apple shows each type (F2 to F5, L6):
    number → JSON integer, with `numberStyle` where the field has one;
    money → JSON number (exact decimal) with `currencyCode`, never a `numberStyle`;
    percent → whole percents as JSON number (the share, 5 % is 0.05) with PKNumberStylePercent; Apple's percent
    style rounds to whole percents, so a rate such as 7.5 % goes out as text;
    text → JSON string as it is; no key of `pass.strings` can equal a name, for every key has an underscore;
    phrase → JSON string that is the phrase's key in `pass.strings`; the phone translates it;
    moment → ISO 8601 with offset, whole seconds, with `dateStyle`, `timeStyle` or `isRelative`;
    string → JSON string that is the key itself; the phone translates it.
    """

    value: str | None
    text: str | None
    type: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a pass.

    `label` and `change_message` are keys of `pass.strings` and go out as they are; the phone translates them. The
    text behind `change_message` contains `%@` (F6). Styles are in the words of template.toml; `APPLE_STYLES` gives
    Apple's. `text_alignment` never occurs on primary and back fields (F5).
    """

    key: str
    source: Source
    label: str | None = None
    change_message: str | None = None
    text_alignment: str | None = None
    """left, center, right or natural."""
    number_style: str | None = None
    """decimal, scientific or spell_out; only for the type number."""
    date_style: str | None = None
    """none, short, medium, long or full; only for the type moment, as `time_style`."""
    time_style: str | None = None
    is_relative: bool = False
    """Show a moment as "in 2 days"; only for the type moment."""


APPLE_STYLES: Mapping[str, str] = {
    "text_alignment": "PKTextAlignment",
    "number_style": "PKNumberStyle",
    "date_style": "PKDateStyle",
    "time_style": "PKDateStyle",
}
"""Attribute of a field → prefix of Apple's constant; see `apple_style`."""


def apple_style(attribute: str, word: str) -> str:
    """Return Apple's constant: ("number_style", "spell_out") → "PKNumberStyleSpellOut"."""
    return APPLE_STYLES[attribute] + "".join(part.capitalize() for part in word.split("_"))


@dataclass(frozen=True, slots=True)
class StampArtwork:
    """How a stamp card's strip is drawn; lengths are in points of a strip of 375 x 144.

    `strips` holds the backgrounds, archive path (`strip.png`, `strip@2x.png`, `strip@3x.png`) → PNG; `empty` and
    `full` are the PNGs of one slot at @3x, square, with transparency. `artwork.draw_stamps` makes the strips of a
    card from it.
    """

    strips: Mapping[str, bytes]
    empty: bytes
    full: bytes
    margin_x: int
    margin_y: int
    gap: int
    largest: int
    one_row_up_to: int
    two_rows_up_to: int


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template: everything on a pass but the values of the card.

    Two templates with the same `revision` give the same passes. The strings and images here go into a pass as they
    are, under their archive path. Each of `PLACES` is in `fields`, empty or not.
    """

    name: str
    """The name of the folder."""
    kind: str
    style: str
    """storeCard, coupon or generic: the key of the style dictionary in pass.json."""
    description: str
    """A key of `pass.strings`."""
    logo_text: Source | None
    """The text beside the logo: a text value such as `merchant`, or a key of `pass.strings`."""
    colors: Colors
    barcode_format: str
    """QR, PDF417, Aztec or Code128: the end of Apple's constant `PKBarcodeFormat…`."""
    fields: Mapping[str, tuple[Field, ...]]
    default_language: str
    languages: Mapping[str, Mapping[str, str]]
    """Language as in its folder's name (`en`, `pt-BR`) → key → text, unescaped."""
    strings: Mapping[str, bytes]
    """Archive path (`en.lproj/pass.strings`) → the file's bytes: UTF-8, no BOM (L3)."""
    images: Mapping[str, bytes]
    """Archive path (`icon@2x.png`) → PNG. A template with `stamps` has no strip here: each card has its own."""
    stamps: StampArtwork | None
    revision: str
    """The first 16 hex digits of the SHA-256 over all files of the folder, names included."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Every static member of a pass: strings and images."""
        return {**self.strings, **self.images}

    def text(self, key: str, language: str) -> str:
        """Return the text of a key in a language, or in the default language where the template lacks it."""
        return self.languages.get(language, self.languages[self.default_language])[key]


_SHAPE_FILE = "template.toml"
_STRINGS_FILE = "pass.strings"
_NAME_FORM = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def read_templates(root: Path) -> dict[str, Template]:
    """Return every template in a folder of templates, by name, in the order of the names.

    A template is a folder; files beside them, and folders whose name starts with `_` or `.`, are none. Raises
    TemplateInvalid for the first fault in any of them, and where there is no template at all.
    """
    if not root.is_dir():
        raise TemplateInvalid("There is no such folder; pass templates are needed to make passes.", path=str(root))
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(("_", ".")))
    if not folders:
        raise TemplateInvalid("The folder holds no template; each is a folder of its own.", path=str(root))
    return {folder.name: read_template(folder) for folder in folders}


def read_template(folder: Path) -> Template:
    """Return the template in a folder, checked from the first file to the last pixel.

    Raises TemplateInvalid; its `path` is the file, then a colon and the place within, such as
    `pass_templates/stamp/template.toml: fields.primary[0].label`, and its detail says how to mend it.
    """
    if not _NAME_FORM.fullmatch(folder.name):
        raise TemplateInvalid("Name the folder with lower-case letters, digits, - and _.", path=str(folder))
    files = read_files(folder)
    shape_path = f"{folder}/{_SHAPE_FILE}"
    if _SHAPE_FILE not in files:
        raise TemplateInvalid("The file is missing; each template has one.", path=shape_path)
    shape = read_shape(files[_SHAPE_FILE], shape_path)
    check_shape(shape, shape_path)
    strings = {name: content for name, content in files.items() if name.endswith(f"/{_STRINGS_FILE}")}
    languages = _read_languages(folder, files, strings)
    check_strings(shape, languages, str(folder), shape_path)
    check_fit(shape, languages, shape_path)
    others = {name: content for name, content in files.items() if name not in strings and name != _SHAPE_FILE}
    stamps, images = _check_pictures(folder, shape, languages, others)
    return Template(
        name=folder.name,
        kind=shape.kind,
        style=shape.style,
        description=shape.description,
        logo_text=_source(shape.kind, shape.logo_text) if shape.logo_text else None,
        colors=Colors(
            *(_color(text) for text in (shape.colors.foreground, shape.colors.background, shape.colors.label))
        ),
        barcode_format=shape.barcode.format,
        fields={place: tuple(_field(shape.kind, field) for field in getattr(shape.fields, place)) for place in PLACES},
        default_language=shape.languages.default,
        languages=languages,
        strings=strings,
        images=images,
        stamps=stamps,
        revision=revision_of(files),
    )


def _read_languages(
    folder: Path, files: Mapping[str, bytes], strings: Mapping[str, bytes]
) -> dict[str, dict[str, str]]:
    for entry in sorted({*folder.glob(f"*{LANGUAGE_FOLDER}")}):
        if f"{entry.name}/{_STRINGS_FILE}" not in files:
            raise TemplateInvalid("The language has no texts; add the file.", path=f"{entry}/{_STRINGS_FILE}")
    return {
        name.removesuffix(f"{LANGUAGE_FOLDER}/{_STRINGS_FILE}"): parse_strings(content, f"{folder}/{name}")
        for name, content in strings.items()
    }


def _check_pictures(
    folder: Path, shape: TemplateShape, languages: Mapping[str, Mapping[str, str]], others: Mapping[str, bytes]
) -> tuple[StampArtwork | None, dict[str, bytes]]:
    """Return the stamp artwork, if any, and the images that go into each pass."""
    images = {name: content for name, content in others.items() if shape.stamps is None or name not in STAMP_IMAGES}
    check_images(images, shape.style, languages, str(folder))
    if shape.fields.primary and "strip.png" in images:
        width = max(primary_width(shape, strings) for strings in languages.values())
        check_legible(images["strip.png"], parse_color(shape.colors.foreground, ""), width, f"{folder}/strip.png")
    if shape.stamps is None:
        return None, images
    for name in STAMP_IMAGES:
        if name not in others:
            raise TemplateInvalid("A stamp card needs this image: one slot, 180 x 180 pixels.", path=f"{folder}/{name}")
        check_stamp_image(others[name], f"{folder}/{name}")
    strips = {name: content for name, content in images.items() if name.startswith("strip")}
    if not strips:
        raise TemplateInvalid("A stamp card needs the ground on which stamps are drawn.", path=f"{folder}/strip.png")
    return _stamps(shape.stamps, strips, others), {
        name: content for name, content in images.items() if name not in strips
    }


def _stamps(layout: StampsShape, strips: dict[str, bytes], others: Mapping[str, bytes]) -> StampArtwork:
    empty, full = (others[name] for name in STAMP_IMAGES)
    return StampArtwork(
        strips=strips,
        empty=empty,
        full=full,
        margin_x=layout.margin_x,
        margin_y=layout.margin_y,
        gap=layout.gap,
        largest=layout.largest,
        one_row_up_to=layout.one_row_up_to,
        two_rows_up_to=layout.two_rows_up_to,
    )


def _source(kind: str, source: SourceShape) -> Source:
    return Source(source.value, source.text, source_type(kind, source))


def _field(kind: str, field: FieldShape) -> Field:
    return Field(
        key=field.key,
        source=_source(kind, SourceShape(field.value, field.text)),
        label=field.label,
        change_message=field.change_message,
        text_alignment=field.text_alignment,
        number_style=field.number_style,
        date_style=field.date_style,
        time_style=field.time_style,
        is_relative=field.is_relative,
    )


def _color(text: str) -> Color:
    return Color(*parse_color(text, ""))
