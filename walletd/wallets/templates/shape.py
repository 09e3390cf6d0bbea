"""The form of template.toml: which keys there are and what type each has; nothing else is taken."""

from __future__ import annotations

import re
import tomllib
from typing import Annotated, Literal

import msgspec

from walletd.domain.errors import TemplateInvalid

_Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
_Length = Annotated[int, msgspec.Meta(ge=0, le=144)]
_Slots = Annotated[int, msgspec.Meta(ge=0, le=30)]
_DateStyle = Literal["none", "short", "medium", "long", "full"]

_PLACE_IN_MESSAGE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")


class SourceShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that is either a value of the card or a key of pass.strings."""

    value: str | None = None
    text: str | None = None


class FieldShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of `[[fields.<place>]]`."""

    key: _Name
    value: str | None = None
    text: str | None = None
    label: str | None = None
    change_message: str | None = None
    text_alignment: Literal["left", "center", "right", "natural"] | None = None
    number_style: Literal["decimal", "scientific", "spell_out"] | None = None
    date_style: _DateStyle | None = None
    time_style: _DateStyle | None = None
    is_relative: bool = False


class FieldsShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a pass by place."""

    header: tuple[FieldShape, ...] = ()
    primary: tuple[FieldShape, ...] = ()
    secondary: tuple[FieldShape, ...] = ()
    auxiliary: tuple[FieldShape, ...] = ()
    back: tuple[FieldShape, ...] = ()

    def placed(self) -> list[tuple[str, str, FieldShape]]:
        """Return every field with its place and its path in the file (`fields.primary[0]`)."""
        return [
            (place, f"fields.{place}[{index}]", field)
            for place in self.__struct_fields__
            for index, field in enumerate(getattr(self, place))
        ]


class ColorsShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[colors]`."""

    foreground: str
    background: str
    label: str


class BarcodeShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[barcode]`: formats that every iPhone knows (A1.4)."""

    format: Literal["QR", "PDF417", "Aztec", "Code128"] = "QR"


class LanguagesShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[languages]`."""

    default: str


class StampsShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[stamps]`: how slots stand on the strip; lengths in points of 375 x 144."""

    margin_x: _Length = 20
    margin_y: _Length = 8
    gap: _Length = 8
    largest: _Length = 60
    one_row_up_to: _Slots = 5
    two_rows_up_to: _Slots = 12


class TemplateShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of template.toml."""

    kind: str
    style: Literal["storeCard", "coupon", "generic"]
    description: str
    colors: ColorsShape
    fields: FieldsShape
    languages: LanguagesShape
    barcode: BarcodeShape = BarcodeShape()
    logo_text: SourceShape | None = None
    stamps: StampsShape | None = None


def read_shape(content: bytes, path: str) -> TemplateShape:
    """Return the checked form of a template.toml.

    Raises TemplateInvalid whose `path` is the file and, after a colon, the key at fault (or the table it is in).
    """
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise TemplateInvalid("The file is not UTF-8; save it in that encoding.", path=path) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise TemplateInvalid(f"The file is not valid TOML: {error}.", path=path) from error
    try:
        return msgspec.convert(table, TemplateShape)
    except msgspec.ValidationError as error:
        place = _PLACE_IN_MESSAGE.search(str(error))
        where = place["place"] if place else ""
        reason = _PLACE_IN_MESSAGE.sub("", str(error))
        raise TemplateInvalid(f"{reason}.", path=f"{path}: {where}" if where else path) from error
