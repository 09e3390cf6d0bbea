"""What a template must hold to beyond its form: known values, Apple's limits, strings that exist and are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from walletd.domain.cards.kinds import FACE_VALUES
from walletd.domain.delivery.faces import PHRASES
from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.colors import check_contrast, parse_color
from walletd.wallets.templates.shape import FieldShape, SourceShape, TemplateShape
from walletd.wallets.templates.stamp_places import MOST_SLOTS, place_slots

_LARGEST_HEADER = 3
_LARGEST_PRIMARY = 1
_LARGEST_ROWS = 4
_CHANGE_MESSAGES = 2


def check_shape(shape: TemplateShape, path: str) -> None:
    """Check template.toml by itself; raises TemplateInvalid whose `path` leads to the key at fault."""
    if shape.kind not in FACE_VALUES:
        raise TemplateInvalid(
            f'There is no kind "{shape.kind}"; the kinds are {", ".join(FACE_VALUES)}.', path=f"{path}: kind"
        )
    _check_colors(shape, path)
    _check_stamps(shape, path)
    if shape.logo_text:
        _check_source(shape.kind, shape.logo_text, f"{path}: logo_text")
        if shape.logo_text.value and FACE_VALUES[shape.kind][shape.logo_text.value] != "text":
            raise TemplateInvalid("Beside the logo only a text can stand.", path=f"{path}: logo_text.value")
    _check_limits(shape, path)
    _check_fields(shape, path)


def check_strings(shape: TemplateShape, languages: Mapping[str, Mapping[str, str]], folder: str, path: str) -> None:
    """Check the languages against each other and against what template.toml uses (L5, F6)."""
    default = shape.languages.default
    if default not in languages:
        raise TemplateInvalid(
            f"There is no folder {default}.lproj; the template has: {', '.join(languages) or 'no language'}.",
            path=f"{path}: languages.default",
        )
    used = dict(_used_keys(shape))
    for key, where in used.items():
        if not any(key in strings for strings in languages.values()):
            raise TemplateInvalid(
                f'No language has the text "{key}"; add it to each pass.strings, or correct its name.',
                path=f"{path}: {where}",
            )
    for language, strings in languages.items():
        file = f"{folder}/{language}.lproj/pass.strings"
        for key, where in used.items():
            if key not in strings:
                raise TemplateInvalid(f'The text "{key}" is missing; {where} in template.toml needs it.', path=file)
        for key in strings:
            if key not in used:
                raise TemplateInvalid(
                    f'The text "{key}" is used nowhere in template.toml; remove it or correct its name.', path=file
                )
        _check_change_messages(shape, strings, file)


def _check_colors(shape: TemplateShape, path: str) -> None:
    background = parse_color(shape.colors.background, f"{path}: colors.background")
    for name, text in (("foreground", shape.colors.foreground), ("label", shape.colors.label)):
        where = f"{path}: colors.{name}"
        check_contrast(parse_color(text, where), background, where)


def _check_stamps(shape: TemplateShape, path: str) -> None:
    if (shape.stamps is not None) != (shape.kind == "stamp"):
        raise TemplateInvalid("The kind stamp needs this table, and no other kind has it.", path=f"{path}: stamps")
    if shape.kind == "stamp" and shape.style == "generic":
        raise TemplateInvalid("Stamps are drawn on the strip, and generic passes have none.", path=f"{path}: style")
    if shape.stamps and shape.fields.primary:
        raise TemplateInvalid("A primary field would stand on the stamps; move it.", path=f"{path}: fields.primary")
    if shape.stamps:
        try:
            for slots in range(1, MOST_SLOTS + 1):
                place_slots(shape.stamps, slots)
        except ValueError as error:
            raise TemplateInvalid(str(error), path=f"{path}: stamps") from error


def _check_limits(shape: TemplateShape, path: str) -> None:
    """Refuse fields that a phone would leave out without a word (A1.5)."""
    fields = shape.fields
    for place, count, limit in (
        ("header", len(fields.header), _LARGEST_HEADER),
        ("primary", len(fields.primary), _LARGEST_PRIMARY),
        ("secondary", len(fields.secondary) + len(fields.auxiliary), _LARGEST_ROWS),
    ):
        if count > limit:
            both = " together with auxiliary" if place == "secondary" else ""
            raise TemplateInvalid(
                f"There are {count} fields{both}, and a phone shows {limit}; move the others to the back.",
                path=f"{path}: fields.{place}",
            )
    if not any(field.value == "merchant" for field in fields.back):
        raise TemplateInvalid(
            'The back must say who issued the card: add a field with value = "merchant".', path=f"{path}: fields.back"
        )


def _check_fields(shape: TemplateShape, path: str) -> None:
    seen: dict[str, str] = {}
    for place, where, field in shape.fields.placed():
        if field.key in seen:
            raise TemplateInvalid(
                f'The key "{field.key}" is that of {seen[field.key]} already; keys are unique within a pass.',
                path=f"{path}: {where}.key",
            )
        seen[field.key] = where
        source = SourceShape(field.value, field.text)
        _check_source(shape.kind, source, f"{path}: {where}")
        _check_style(field, place, source_type(shape.kind, source), f"{path}: {where}")
    # A message to the holder changes by itself, never together with what is booked.
    announcing = (place for place in shape.fields.placed() if place[2].change_message and place[2].value != "message")
    with_message = [where for _, where, _ in announcing]
    if len(with_message) > _CHANGE_MESSAGES:
        raise TemplateInvalid(
            f"More than {_CHANGE_MESSAGES} fields announce changes; the phone would pile up messages.",
            path=f"{path}: {with_message[-1]}.change_message",
        )


def source_type(kind: str, source: SourceShape) -> str:
    """Return the type of what is shown: that of the value in FACE_VALUES, or "string" for a text of the template."""
    return FACE_VALUES[kind][source.value] if source.value is not None else "string"


def _check_source(kind: str, source: SourceShape, path: str) -> None:
    if (source.value is None) == (source.text is None):
        raise TemplateInvalid("Name either a value of the card or a text of pass.strings, not both.", path=path)
    if source.value is not None and source.value not in FACE_VALUES[kind]:
        raise TemplateInvalid(
            f'Cards of the kind {kind} have no value "{source.value}"; they have {", ".join(FACE_VALUES[kind])}.',
            path=f"{path}.value",
        )


def _check_style(field: FieldShape, place: str, value_type: str, path: str) -> None:
    """Refuse a style where the phone would ignore it, or refuse the pass over it (F3 to F6)."""
    faults = (
        ("text_alignment", field.text_alignment, place in {"primary", "back"}, f"has no effect on {place} fields"),
        ("number_style", field.number_style, value_type != "number", "is for numbers only; money has its own form"),
        ("date_style", field.date_style, value_type != "moment", "is for moments only"),
        ("time_style", field.time_style, value_type != "moment", "is for moments only"),
        ("is_relative", field.is_relative, value_type != "moment", "is for moments only"),
        ("change_message", field.change_message, value_type == "string", "needs a value that can change"),
    )
    for name, given, wrong, reason in faults:
        if given and wrong:
            raise TemplateInvalid(f"{name} {reason}; remove it.", path=f"{path}.{name}")


def _used_keys(shape: TemplateShape) -> Iterator[tuple[str, str]]:
    yield shape.description, "description"
    if shape.logo_text and shape.logo_text.text:
        yield shape.logo_text.text, "logo_text.text"
    for _, where, field in shape.fields.placed():
        for name, key in (("text", field.text), ("label", field.label), ("change_message", field.change_message)):
            if key is not None:
                yield key, f"{where}.{name}"
        if field.value and FACE_VALUES[shape.kind][field.value] == "phrase":
            yield from ((phrase, f"{where}.value") for phrase in PHRASES)


def _check_change_messages(shape: TemplateShape, strings: Mapping[str, str], file: str) -> None:
    keys: Iterable[str] = {field.change_message for _, _, field in shape.fields.placed() if field.change_message}
    for key in sorted(keys):
        if strings[key].count("%@") != 1:
            raise TemplateInvalid(
                f'The text "{key}" announces a change and must contain %@ once, where the new value goes.', path=file
            )
