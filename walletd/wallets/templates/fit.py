"""Whether the texts of a template find room on the front of a pass.

Apple publishes no widths; these follow a pass of 375 points and stand here in one place. The font is Pillow's own, a
little wider than the phone's, so that the estimate errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from PIL import ImageFont

from walletd.domain.cards.kinds import FACE_VALUES
from walletd.domain.delivery.faces import PHRASES
from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.shape import FieldShape, TemplateShape

PASS_WIDTH = 375
_MARGIN = 15
_GAP = 10
_LABEL_SIZE = 11
_ROW = PASS_WIDTH - 2 * _MARGIN
_HEADER = 170
_LOGO_TEXT = 150
_THUMBNAIL = 100

_VALUE_SIZES = {"header": 17, "primary": 24, "secondary": 15, "auxiliary": 15, "logo": 17}
"""Points; a primary value is larger where it has room, and shrinks to this."""

_SAMPLES_BY_TYPE = {
    "number": "99.999",
    "money": "1.234,56 €",
    "percent": "12,5 %",
    "moment": "31.12.2026",
    "text": "Sommerfreunde",
}
_SAMPLES_BY_NAME = {
    "holder": "Katharina Lindemann",
    "number": "0123456789ABCDEFG",
    "merchant": "Café Morgenrot",
    "reward_name": "1 × Cappuccino",
    "tier": "Platinum",
    "stamps": "30",
    "slots": "30",
    "rewards": "99",
}
"""Long, but not the longest there are: a longer name is cut off by the phone, and that is the phone's business."""


def check_fit(shape: TemplateShape, languages: Mapping[str, Mapping[str, str]], path: str) -> None:
    """Refuse a front on which labels or sample values overlap in any language.

    Raises TemplateInvalid; `path` names the field that is too wide, or the row.
    """
    for language, strings in languages.items():
        for place, fields, room in _rows(shape):
            widths = [_field_width(shape.kind, where, field, strings) for where, field in fields]
            needed = sum(widths) + _GAP * max(0, len(widths) - 1)
            if needed > room:
                widest = fields[widths.index(max(widths))][1]
                raise TemplateInvalid(
                    f"In the language {language} the texts need about {needed:.0f} points and have {room}; shorten "
                    f'the label of "{widest.key}" or move a field to the back.',
                    path=f"{path}: fields.{place}",
                )
        text = shape.logo_text and shape.logo_text.text
        if text and _width(strings[text], _VALUE_SIZES["logo"]) > _LOGO_TEXT:
            raise TemplateInvalid(
                f"In the language {language} the text beside the logo is wider than {_LOGO_TEXT} points; shorten it.",
                path=f"{path}: logo_text",
            )


def primary_width(shape: TemplateShape, strings: Mapping[str, str]) -> float:
    """Return how many points of the strip the sample text of the primary field covers, from the left edge."""
    return _MARGIN + sum(_field_width(shape.kind, "primary", field, strings) for field in shape.fields.primary)


def _rows(shape: TemplateShape) -> list[tuple[str, list[tuple[str, FieldShape]], int]]:
    """Return each line of the front: its name, its fields with their places, and the room it has."""
    fields = shape.fields
    generic = shape.style == "generic"
    primary_room = _ROW - _THUMBNAIL if generic else _ROW
    rows = [
        ("header", _placed("header", fields.header), _HEADER),
        ("primary", _placed("primary", fields.primary), primary_room),
    ]
    secondary, auxiliary = _placed("secondary", fields.secondary), _placed("auxiliary", fields.auxiliary)
    if generic:
        return [*rows, ("secondary", secondary, _ROW), ("auxiliary", auxiliary, _ROW)]
    return [*rows, ("secondary", [*secondary, *auxiliary], _ROW)]


def _placed(place: str, fields: Sequence[FieldShape]) -> list[tuple[str, FieldShape]]:
    return [(place, field) for field in fields]


def _field_width(kind: str, place: str, field: FieldShape, strings: Mapping[str, str]) -> float:
    label = _width(strings[field.label].upper(), _LABEL_SIZE) if field.label else 0.0
    return max(label, *(_width(text, _VALUE_SIZES[place]) for text in _sample_texts(kind, field, strings)))


def _sample_texts(kind: str, field: FieldShape, strings: Mapping[str, str]) -> list[str]:
    if field.text is not None:
        return [strings[field.text]]
    value = field.value or ""
    value_type = FACE_VALUES[kind][value]
    if value_type == "phrase":
        return [strings[phrase] for phrase in PHRASES]
    return [_SAMPLES_BY_NAME.get(value, _SAMPLES_BY_TYPE[value_type])]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow is built without FreeType, so the width of a text cannot be measured.")
    # The basic layout is always there; the other one depends on how Pillow was built.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


def _width(text: str, size: int) -> float:
    return max(_font(size).getlength(line) for line in text.split("\n"))
