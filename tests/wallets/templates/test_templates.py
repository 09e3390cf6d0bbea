"""The templates that walletd ships, and what reading a template gives."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pass_templates._artwork.emblems import icon
from walletd.domain.cards.kinds import FACE_VALUES
from walletd.domain.delivery.faces import PHRASES
from walletd.wallets.templates.colors import contrast
from walletd.wallets.templates.templates import (
    PLACES,
    Color,
    Source,
    Template,
    apple_style,
    read_template,
    read_templates,
)

_ROOT = Path(__file__).resolve().parents[3] / "pass_templates"
_KINDS = sorted(FACE_VALUES)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Template]:
    """Return the shipped templates."""
    return read_templates(_ROOT)


def test_every_kind_of_card_has_a_template_of_its_name(shipped: dict[str, Template]) -> None:
    """A new program finds a template without anyone choosing one."""
    assert {name: template.kind for name, template in shipped.items()} == {kind: kind for kind in _KINDS}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_shipped_template_speaks_german_and_english(shipped: dict[str, Template], kind: str) -> None:
    """Both languages have every text; English is what other phones fall back to."""
    template = shipped[kind]
    assert set(template.languages) == {"en", "de"}
    assert template.default_language == "en"
    assert template.text(template.description, "de") != template.text(template.description, "en")
    assert template.text(template.description, "fr") == template.text(template.description, "en")


@pytest.mark.parametrize("kind", _KINDS)
def test_a_shipped_template_announces_what_matters(shipped: dict[str, Template], kind: str) -> None:
    """One or two fields show a message on the lock screen when they change, and a message to the holder does."""
    template = shipped[kind]
    messages = [field.change_message for place in PLACES for field in template.fields[place] if field.change_message]
    assert "change_message" in messages
    assert 1 <= len(messages) - 1 <= 2
    for language in template.languages:
        assert all("%@" in template.text(message, language) for message in messages)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_shipped_back_says_who_issued_the_card_and_how_it_works(shipped: dict[str, Template], kind: str) -> None:
    """Apple wants the issuer on the back; people want to know what the card does."""
    shown = {field.key for field in shipped[kind].fields["back"]}
    assert {"issuer", "contact", "how_it_works", "terms"} <= shown


@pytest.mark.parametrize("kind", _KINDS)
def test_shipped_text_is_easy_to_read(shipped: dict[str, Template], kind: str) -> None:
    """Shipped colours keep more than the least contrast: 4.5:1, as for small text."""
    colors = shipped[kind].colors
    ground = (colors.background.red, colors.background.green, colors.background.blue)
    for ink in (colors.foreground, colors.label):
        assert contrast((ink.red, ink.green, ink.blue), ground) >= 4.5


@pytest.mark.parametrize("kind", _KINDS)
def test_shipped_images_stay_within_200_kilobytes(shipped: dict[str, Template], kind: str) -> None:
    """A pass must arrive quickly on a bad line."""
    template = shipped[kind]
    strips = template.stamps.strips if template.stamps else {}
    assert sum(map(len, [*template.images.values(), *strips.values()])) <= 200_000


@pytest.mark.parametrize("kind", _KINDS)
def test_a_template_has_each_image_at_three_scales(shipped: dict[str, Template], kind: str) -> None:
    """Twice and three times the pixels, for the phones that have them."""
    images = shipped[kind].images
    for name, content in images.items():
        base, _, scale = name.removesuffix(".png").partition("@")
        small, large = (Image.open(BytesIO(data)) for data in (images[f"{base}.png"], content))
        factor = int(scale[:1] or 1)
        assert large.size == (small.width * factor, small.height * factor)


def test_stamps_are_drawn_on_strips_that_no_pass_carries_by_itself(shipped: dict[str, Template]) -> None:
    """The strip of a stamp card depends on its stamps, so the template's own is only the ground."""
    stamp = shipped["stamp"]
    assert stamp.stamps is not None
    assert set(stamp.stamps.strips) == {"strip.png", "strip@2x.png", "strip@3x.png"}
    assert not any("strip" in name or "stamp" in name for name in stamp.files)
    assert all(template.stamps is None for name, template in shipped.items() if name != "stamp")


def test_a_field_knows_the_type_of_its_value(shipped: dict[str, Template]) -> None:
    """A wallet needs the type to choose the form of the value."""
    primary = shipped["gift"].fields["primary"][0]
    assert primary.source == Source("balance", None, "money")
    assert shipped["gift"].fields["back"][0].source == Source(None, "text_how_it_works", "string")
    assert shipped["coupon"].fields["secondary"][0].source.type == "phrase"
    assert set(PHRASES) <= set(shipped["coupon"].languages["de"])


def test_static_members_are_the_strings_and_images_of_the_folder(shipped: dict[str, Template]) -> None:
    """What goes into a pass is byte for byte what stands in the folder; template.toml stays at home."""
    files = shipped["loyalty"].files
    on_disk = {
        path.relative_to(_ROOT / "loyalty").as_posix(): path.read_bytes()
        for path in (_ROOT / "loyalty").rglob("*")
        if path.is_file() and path.name != "template.toml"
    }
    assert files == on_disk


def test_the_revision_changes_with_any_byte_and_only_then(tmp_path: Path) -> None:
    """Passes are made anew exactly when their template changed."""
    shutil.copytree(_ROOT / "gift", tmp_path / "gift")
    before = read_template(tmp_path / "gift").revision
    assert before == read_template(_ROOT / "gift").revision
    strings = tmp_path / "gift" / "de.lproj" / "pass.strings"
    strings.write_text(strings.read_text("utf-8").replace("Guthaben", "Wert"), "utf-8", newline="\n")
    assert read_template(tmp_path / "gift").revision != before


def test_escapes_in_texts_are_resolved(tmp_path: Path) -> None:
    """Quotes, backslashes and line ends are escaped in the file and plain in the template."""
    shutil.copytree(_ROOT / "gift", tmp_path / "gift")
    strings = tmp_path / "gift" / "en.lproj" / "pass.strings"
    line = '"label_issuer" = "Issued by"'
    strings.write_text(
        strings.read_text("utf-8").replace(line, r'"label_issuer" = "A \"B\" \\n\nC"'), "utf-8", newline="\n"
    )
    assert read_template(tmp_path / "gift").text("label_issuer", "en") == 'A "B" \\n\nC'


def test_folders_that_start_with_an_underscore_are_no_templates(tmp_path: Path) -> None:
    """The programs that draw the artwork live beside the templates."""
    shutil.copytree(_ROOT / "gift", tmp_path / "gift")
    (tmp_path / "_drafts").mkdir()
    assert list(read_templates(tmp_path)) == ["gift"]


def test_colours_have_the_forms_of_both_wallets_and_of_the_web() -> None:
    """Apple and CSS share one form, Google wants another."""
    assert (Color(1, 20, 255).css, Color(1, 20, 255).hex) == ("rgb(1, 20, 255)", "#0114ff")


def test_styles_have_the_names_of_apple() -> None:
    """Template words become Apple's constants."""
    assert apple_style("number_style", "spell_out") == "PKNumberStyleSpellOut"
    assert apple_style("text_alignment", "right") == "PKTextAlignmentRight"
    assert apple_style("time_style", "short") == "PKDateStyleShort"


@pytest.mark.parametrize("kind", _KINDS)
def test_shipped_icons_are_what_the_generator_draws(shipped: dict[str, Template], kind: str) -> None:
    """The artwork is source: it can be drawn again. A new Pillow may round differently, so a little is forgiven."""
    drawn, kept = (
        Image.open(BytesIO(data)).convert("RGB") for data in (icon(kind).png(1, 128), shipped[kind].images["icon.png"])
    )
    difference = ImageChops.difference(drawn, kept).convert("L").getextrema()
    assert difference[1] in range(16)
