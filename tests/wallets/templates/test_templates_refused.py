"""Every fault of a template is refused with its place and a way to mend it; nothing is dropped."""

from __future__ import annotations

import random
import shutil
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from walletd.domain.errors import TemplateInvalid
from walletd.wallets.templates.templates import read_template, read_templates

_ROOT = Path(__file__).resolve().parents[3] / "pass_templates"

Damage = Callable[[Path], object]


def _swap(file: str, old: str, new: str, times: int = 1) -> Damage:
    def damage(folder: Path) -> None:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_bytes(text.replace(old, new, times).encode("utf-8"))

    return damage


def _toml(old: str, new: str) -> Damage:
    return _swap("template.toml", old, new)


def _strings(old: str, new: str) -> Damage:
    return _swap("de.lproj/pass.strings", old, new)


def _everywhere(old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        for language in ("en", "de"):
            _swap(f"{language}.lproj/pass.strings", old, new)(folder)

    return damage


def _write(file: str, content: bytes) -> Damage:
    return lambda folder: (folder / file).write_bytes(content)


def _append(file: str, text: str) -> Damage:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes() + text.encode("utf-8"))


def _remove(file: str) -> Damage:
    return lambda folder: (folder / file).unlink()


def _remove_all(pattern: str) -> Damage:
    def damage(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.unlink()

    return damage


def _move(old: str, new: str) -> Damage:
    return lambda folder: (folder / old).rename(folder / new)


def _png(width: int, height: int, color: tuple[int, int, int, int] = (255, 255, 255, 255)) -> bytes:
    buffer = BytesIO()
    Image.new("RGBA", (width, height), color).save(buffer, "PNG")
    return buffer.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _huge(name: bytes = b"IHDR") -> bytes:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(name, header) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def _jpeg() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (29, 29)).save(buffer, "JPEG")
    return buffer.getvalue()


def _with_bomb() -> bytes:
    plain = _png(29, 29)
    return plain[:33] + _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(90_000_000))) + plain[33:]


_LABELLED = '\n[[fields.{}]]\nkey = "{}"\nvalue = "{}"\n'
_TOML, _DE = "template.toml", "de.lproj/pass.strings"
_EMPTY_IDAT = _png(29, 29)[:33] + _chunk(b"IDAT", b"") + _chunk(b"IEND", b"")

_FAULTS: dict[str, tuple[str, Damage, str, str]] = {
    # name: template, damage, path within the folder, part of the detail
    "no template.toml": ("gift", _remove(_TOML), _TOML, "missing"),
    "broken TOML": ("gift", _append(_TOML, "kind ="), _TOML, "not valid TOML"),
    "TOML in another encoding": ("gift", _write(_TOML, b'kind = "\xe4"'), _TOML, "not UTF-8"),
    "endlessly nested TOML": ("gift", _write(_TOML, b"a = " + b"[" * 20_000), _TOML, "not valid TOML"),
    "unknown key": ("gift", _toml('format = "QR"', 'format = "QR"\ntype = 1'), f"{_TOML}: barcode", "type"),
    "unknown key at the root": ("gift", _toml("kind =", "extra = 1\nkind ="), _TOML, "extra"),
    "wrong type": ("gift", _toml('"balance"', "5"), f"{_TOML}: fields.primary[0].key", "Expected `str`"),
    "unknown kind": ("gift", _toml('kind = "gift"', 'kind = "gifts"'), f"{_TOML}: kind", "loyalty"),
    "unknown style": ("gift", _toml("storeCard", "posterGeneric"), f"{_TOML}: style", "posterGeneric"),
    "unknown barcode": ("gift", _toml('"QR"', '"EAN13"'), f"{_TOML}: barcode.format", "EAN13"),
    "unknown value": (
        "gift",
        _toml('value = "balance"', 'value = "points"'),
        f"{_TOML}: fields.primary[0].value",
        "holder, number, program, merchant, message, balance",
    ),
    "value and text": (
        "gift",
        _toml('value = "balance"', 'value = "balance"\ntext = "text_terms"'),
        f"{_TOML}: fields.primary[0]",
        "not both",
    ),
    "neither value nor text": ("gift", _toml('value = "balance"\n', ""), f"{_TOML}: fields.primary[0]", "either"),
    "field key twice": (
        "gift",
        _toml('key = "program"', 'key = "balance"'),
        f"{_TOML}: fields.secondary[0].key",
        "fields.primary[0] already",
    ),
    "two primary fields": (
        "gift",
        _append(_TOML, _LABELLED.format("primary", "more", "number")),
        f"{_TOML}: fields.primary",
        "shows 1",
    ),
    "four header fields": (
        "loyalty",
        _append(_TOML, "".join(_LABELLED.format("header", f"n{n}", "balance") for n in range(3))),
        f"{_TOML}: fields.header",
        "shows 3",
    ),
    "five fields in the row": (
        "loyalty",
        _append(_TOML, "".join(_LABELLED.format("auxiliary", f"n{n}", "balance") for n in range(3))),
        f"{_TOML}: fields.secondary",
        "shows 4",
    ),
    "no issuer on the back": (
        "gift",
        _toml('value = "merchant"\nlabel', 'value = "program"\nlabel'),
        f"{_TOML}: fields.back",
        'value = "merchant"',
    ),
    "alignment on a primary field": (
        "gift",
        _toml('value = "balance"', 'value = "balance"\ntext_alignment = "left"'),
        f"{_TOML}: fields.primary[0].text_alignment",
        "no effect",
    ),
    "number style on money": (
        "gift",
        _toml('value = "balance"', 'value = "balance"\nnumber_style = "decimal"'),
        f"{_TOML}: fields.primary[0].number_style",
        "for numbers only",
    ),
    "date style on a number": (
        "loyalty",
        _toml('value = "balance"', 'value = "balance"\ndate_style = "short"'),
        f"{_TOML}: fields.header[0].date_style",
        "for moments only",
    ),
    "message on a fixed text": (
        "gift",
        _toml('text = "text_terms"', 'text = "text_terms"\nchange_message = "change_balance"'),
        f"{_TOML}: fields.back[8].change_message",
        "can change",
    ),
    "three messages": (
        "stamp",
        _toml('value = "reward_name"', 'value = "reward_name"\nchange_message = "change_stamps"'),
        f"{_TOML}: fields.secondary[1].change_message",
        "pile up",
    ),
    "message without the value": ("gift", _strings("%@", "…"), _DE, "must contain %@"),
    "colour as hex": ("gift", _toml("rgb(104, 18, 46)", "#68122e"), f"{_TOML}: colors.background", "rgb(r, g, b)"),
    "colour out of range": ("gift", _toml("rgb(104,", "rgb(304,"), f"{_TOML}: colors.background", "0 to 255"),
    "colour with dashes": ("gift", _toml("104, 18, 46", "104-18-46"), f"{_TOML}: colors.background", "rgb(r, g, b)"),
    "unreadable foreground": ("gift", _toml("255, 244, 224", "150, 60, 90"), f"{_TOML}: colors.foreground", "3:1"),
    "unreadable label": ("gift", _toml("246, 200, 95", "104, 18, 46"), f"{_TOML}: colors.label", "1.0:1"),
    "number beside the logo": ("gift", _toml('"merchant"', '"balance"'), f"{_TOML}: logo_text.value", "only a text"),
    "stamps on another kind": ("gift", _toml("[barcode]", "[stamps]\n\n[barcode]"), f"{_TOML}: stamps", "kind stamp"),
    "stamp card without layout": ("stamp", _toml("[stamps]", "[other]"), _TOML, "other"),
    "stamps under a primary field": ("stamp", _toml("fields.header", "fields.primary"), f"{_TOML}: fields.primary", ""),
    "stamps without room": ("stamp", _toml("margin_y = 8", "margin_y = 60"), f"{_TOML}: stamps", "leaves no room"),
    "default language missing": ("gift", _toml('"en"', '"fr"'), f"{_TOML}: languages.default", "fr.lproj"),
    "label in no language": (
        "gift",
        _toml('"label_balance"', '"label_saldo"'),
        f"{_TOML}: fields.primary[0].label",
        "label_saldo",
    ),
    "text in one language only": ("gift", _strings("label_balance", "label_saldo"), _DE, "fields.primary[0].label"),
    "unused text": ("gift", _append(_DE, '"label_spare" = "x";\n'), _DE, "used nowhere"),
    "label too wide": (
        "gift",
        _everywhere('"label_number" = "', '"label_number" = "Die sehr lange Nummer Ihrer '),
        f"{_TOML}: fields.secondary",
        '"number"',
    ),
    "header too wide": (
        "loyalty",
        _strings('"label_balance" = "Punkte"', '"label_balance" = "Ihr gegenwärtiger Punktestand"'),
        f"{_TOML}: fields.header",
        "language de",
    ),
    "BOM": ("gift", lambda folder: _write(_DE, b"\xef\xbb\xbf" + (folder / _DE).read_bytes())(folder), _DE, "BOM"),
    "UTF-16": ("gift", _write(_DE, '"label_a" = "b";\n'.encode("utf-16")), _DE, "BOM"),
    "Latin-1": ("gift", _write(_DE, b'"label_a" = "\xe4";\n'), _DE, "not UTF-8"),
    "CR": ("gift", _strings("\n", "\r\n"), _DE, "CR"),
    "comment": ("gift", _write(_DE, b'/* x */\n"label_a" = "b";\n'), f"{_DE}: line 1", "Comments"),
    "empty line": ("gift", _strings("\n", "\n\n"), f"{_DE}: line 2", "empty"),
    "no line end": ("gift", _append(_DE, '"label_a" = "b";'), _DE, "last line"),
    "colon for equals": ("gift", _write(_DE, b'"label_a":"b";\n'), f"{_DE}: line 1", "semicolon"),
    "unescaped quote": ("gift", _strings("Guthaben", 'Gut"haben'), f"{_DE}: line 2", "escapes"),
    "unknown escape": ("gift", _strings("Guthaben", r"Gut\haben"), f"{_DE}: line 2", "escapes"),
    "equals in a key": ("gift", _strings("label_balance", "label=balance"), f"{_DE}: line 5", "label=balance"),
    "key like a name": ("gift", _strings("label_balance", "Anna"), f"{_DE}: line 5", "underscores"),
    "key twice": ("gift", _append(_DE, '"label_terms" = "x";\n'), f"{_DE}: line 20", "twice"),
    "empty text": ("gift", _append(_DE, '"label_x" = "";\n'), f"{_DE}: line 20", "empty"),
    "control character": ("gift", _append(_DE, '"label_x" = "a\u2028b";\n'), f"{_DE}: line 20", "control"),
    "language in lower case": ("gift", _move("de.lproj", "zh-hans.lproj"), "zh-hans.lproj", "case matters"),
    "language without texts": (
        "gift",
        lambda folder: (folder / "fr.lproj").mkdir(),
        "fr.lproj/pass.strings",
        "no texts",
    ),
    "folder that is no language": ("gift", lambda folder: (folder / "images").mkdir(), "images", "en.lproj"),
    ".DS_Store": ("gift", _write(".DS_Store", b"x"), ".DS_Store", "remove"),
    "file in a language": ("gift", _write("de.lproj/notes.txt", b"x"), "de.lproj/notes.txt", "remove"),
    "misspelt scale": ("gift", _move("strip@2x.png", "strip2x.png"), "strip2x.png", "rename"),
    "image of another style": ("gift", _write("background.png", _png(180, 220)), "background.png", "This style shows"),
    "link": ("gift", lambda folder: (folder / "logo.lnk").symlink_to(folder / "logo.png"), "logo.lnk", "no links"),
    "no icon": ("gift", _remove("icon.png"), "icon.png", "does not open"),
    "scale missing": ("gift", _remove("logo@3x.png"), "logo@3x.png", "missing"),
    "wrong icon size": ("gift", _write("icon@2x.png", _png(57, 57)), "icon@2x.png", "57 x 57"),
    "transparent icon": ("gift", _write("icon.png", _png(29, 29, (0, 0, 0, 9))), "icon.png", "opaque"),
    "logo too wide": ("gift", _write("logo.png", _png(161, 50)), "logo.png", "160 x 50"),
    "strip of another style": ("gift", _write("strip.png", _png(375, 123)), "strip.png", "375 x 144"),
    "narrow thumbnail": ("membership", _write("thumbnail.png", _png(90, 40)), "thumbnail.png", "2:3"),
    "strip as light as its text": ("gift", _write("strip.png", _png(375, 144)), "strip.png", "calmer"),
    "JPEG named .png": ("gift", _write("icon.png", _jpeg()), "icon.png", "not a PNG"),
    "HTML named .png": ("gift", _write("icon.png", b"<svg/>"), "icon.png", "not a PNG"),
    "PNG cut short": ("gift", _write("icon.png", _png(29, 29)[:-9]), "icon.png", "breaks off"),
    "PNG without header": ("gift", _write("icon.png", _huge(b"tEXt")), "icon.png", "no header"),
    "PNG without pixels": ("gift", _write("icon.png", _EMPTY_IDAT), "icon.png", "cannot be decoded"),
    "PNG with an appendix": ("gift", _write("icon.png", _png(29, 29) + b"PK"), "icon.png", "follows the end"),
    "PNG of 30000 x 30000": ("gift", _write("icon.png", _huge()), "icon.png", "30000 x 30000"),
    "PNG with a text bomb": ("gift", _write("icon.png", _with_bomb()), "icon.png", "cannot be decoded"),
    "file too large": ("gift", _write("icon.png", bytes(1_000_001)), "icon.png", "larger"),
    "image at both places": (
        "gift",
        lambda folder: shutil.copy(folder / "logo.png", folder / "de.lproj"),
        "de.lproj/logo@2x.png",
        "all three",
    ),
    "image hidden by the root": (
        "gift",
        lambda folder: [shutil.copy(path, folder / "de.lproj") for path in folder.glob("logo*.png")],
        "logo.png",
        "root hides",
    ),
    "image in one language": (
        "gift",
        lambda folder: [path.rename(folder / "de.lproj" / path.name) for path in folder.glob("logo*.png")],
        "en.lproj/logo.png",
        "same images",
    ),
    "no stamp": ("stamp", _remove("stamp-full@3x.png"), "stamp-full@3x.png", "one slot"),
    "stamp of a wrong size": ("stamp", _write("stamp-full@3x.png", _png(60, 60)), "stamp-full@3x.png", "180 x 180"),
    "no ground for stamps": (
        "stamp",
        _remove_all("strip*.png"),
        "strip.png",
        "ground",
    ),
}


@pytest.mark.parametrize("fault", _FAULTS)
def test_a_fault_is_refused_with_its_place(tmp_path: Path, fault: str) -> None:
    """The path leads to the file and key at fault, and the detail says what is wrong."""
    template, damage, place, hint = _FAULTS[fault]
    folder = tmp_path / template
    shutil.copytree(_ROOT / template, folder)
    damage(folder)
    with pytest.raises(TemplateInvalid) as refused:
        read_template(folder)
    assert refused.value.facts["path"] == f"{folder}/{place}"
    assert hint in refused.value.detail


def test_a_folder_with_a_wrong_name_is_refused(tmp_path: Path) -> None:
    """The name of the folder is the name of the template, and stands in settings and requests."""
    shutil.copytree(_ROOT / "gift", tmp_path / "Gift Card")
    with pytest.raises(TemplateInvalid, match="lower-case"):
        read_template(tmp_path / "Gift Card")


def test_a_root_without_templates_is_refused(tmp_path: Path) -> None:
    """A server without templates could make no pass; it says so when it starts."""
    with pytest.raises(TemplateInvalid, match="no template"):
        read_templates(tmp_path)
    with pytest.raises(TemplateInvalid, match="no such folder"):
        read_templates(tmp_path / "missing")
    with pytest.raises(TemplateInvalid, match="no such folder"):
        read_template(tmp_path / "missing")


@pytest.mark.parametrize("file", [_TOML, _DE, "icon.png"])
def test_random_damage_is_refused_in_our_own_words_or_harmless(tmp_path: Path, file: str) -> None:
    """Whatever bytes a file has, reading it raises TemplateInvalid or nothing."""
    folder = tmp_path / "coupon"
    shutil.copytree(_ROOT / "coupon", folder)
    whole = (folder / file).read_bytes()
    dice = random.Random(20_26)
    refused = 0
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        (folder / file).write_bytes(broken)
        try:
            read_template(folder)
        except TemplateInvalid:
            refused += 1
    assert refused > 20
