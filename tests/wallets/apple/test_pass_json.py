"""Tests of pass.json: the kinds against golden files, and the rules that phones insist on."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.wallets.apple.samples import (
    GOLDEN,
    GOLDEN_FACES,
    IDENTITY,
    ISSUER,
    PASS_TEMPLATES,
    a_face,
    a_field,
    a_template,
)
from walletd.domain.delivery.faces import Face, Percent, Phrase
from walletd.domain.errors import TemplateInvalid
from walletd.domain.money import Money
from walletd.wallets import PassIdentity
from walletd.wallets.apple.lint import check_pass_json, faults_of
from walletd.wallets.apple.pass_json import PassWriter, pass_json
from walletd.wallets.templates.templates import Field, Template, read_templates


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    """The templates that are shipped."""
    return read_templates(PASS_TEMPLATES)


def _content(template: Template, face: Face) -> Any:
    return json.loads(pass_json(template, face, IDENTITY, ISSUER))


def _field_of(field: Field, face: Face) -> Any:
    """The only field of a pass whose template shows only this one; None if it was left out."""
    fields = _content(a_template(field), face)["storeCard"].get("secondaryFields", [None])
    return fields[0]


@pytest.mark.parametrize("kind", GOLDEN_FACES)
def test_each_kind_is_written_as_its_golden_file(kind: str, templates: dict[str, Template]) -> None:
    """A change of any byte of the shipped passes is seen in review; `write_golden` writes them anew."""
    written = pass_json(templates[kind], GOLDEN_FACES[kind], IDENTITY, ISSUER)

    assert written.decode() == (GOLDEN / f"{kind}.pass.json").read_text().rstrip("\n")


@pytest.mark.parametrize("kind", GOLDEN_FACES)
def test_each_kind_passes_the_lint(kind: str, templates: dict[str, Template]) -> None:
    """No shipped template makes a pass that a phone would refuse."""
    check_pass_json(pass_json(templates[kind], GOLDEN_FACES[kind], IDENTITY, ISSUER))


@pytest.mark.parametrize("kind", GOLDEN_FACES)
def test_keys_are_sorted_and_without_spaces(kind: str, templates: dict[str, Template]) -> None:
    """The document is what a careful encoder would write: sorted, compact, UTF-8 (PK10, PK13)."""
    written = pass_json(templates[kind], GOLDEN_FACES[kind], IDENTITY, ISSUER).decode()

    content = json.loads(written, parse_float="number {}".format, parse_int="number {}".format)
    again = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert written == re.sub(r'"number ([^"]+)"', r"\1", again)


def test_zero_is_shown() -> None:
    """No points are a value, not an absence (F2)."""
    assert _field_of(a_field("balance", "number"), a_face("loyalty"))["value"] == 0


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(2010, "EUR"), "20.10"),
        (Money(0, "EUR"), "0.00"),
        (Money(-5, "EUR"), "-0.05"),
        (Money(9007199254740991, "EUR"), "90071992547409.91"),
        (Money(500, "JPY"), "500"),
        (Money(1234, "KWD"), "1.234"),
    ],
)
def test_money_is_an_exact_number_with_its_currency(money: Money, written: str) -> None:
    """Amounts go out as exact decimals beside the currency, whatever its minor unit (F3)."""
    document = pass_json(a_template(a_field("turnover", "money")), a_face("discount", turnover=money), IDENTITY, ISSUER)

    expected = f'{{"currencyCode":"{money.currency}","key":"turnover","value":{written}}}'
    assert expected in document.decode()


def test_whole_percents_are_numbers_in_percent_style() -> None:
    """5 % is the number 0.05 with Apple's percent style."""
    field = _field_of(a_field("rate", "percent"), a_face("discount", rate=Percent(500)))

    assert field == {"key": "rate", "numberStyle": "PKNumberStylePercent", "value": 0.05}


@pytest.mark.parametrize(
    ("basis_points", "text"), [(750, "7.5%"), (725, "7.25%"), (5, "0.05%")], ids=["halves", "quarters", "small"]
)
def test_parts_of_percents_are_text(basis_points: int, text: str) -> None:
    """7.5 % would be rounded by the phone, so it goes out as text without a number's style."""
    field = _field_of(a_field("rate", "percent"), a_face("discount", rate=Percent(basis_points)))

    assert field == {"key": "rate", "value": text}


def test_phrase_is_the_key_of_a_translated_text() -> None:
    """The phone translates a phrase; pass.json holds its key."""
    face = a_face("coupon", state=Phrase("coupon_redeemed"))

    assert _field_of(a_field("state", "phrase"), face)["value"] == "coupon_redeemed"


def test_moment_has_whole_seconds_and_an_offset() -> None:
    """Fractions of a second or an offset without its colon keep a pass from opening (F2)."""
    moment = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=1)))

    field = _field_of(a_field("until", "moment", date_style="short"), a_face("loyalty", until=moment))

    assert field == {"dateStyle": "PKDateStyleShort", "key": "until", "value": "2026-12-31T23:59:59+01:00"}


def test_moment_without_time_zone_is_refused() -> None:
    """A naive moment is a fault of the program, not of the pass."""
    with pytest.raises(ValueError, match="time zone"):
        _field_of(a_field("until", "moment"), a_face("loyalty", until=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_empty_text_takes_its_field_with_it() -> None:
    """A card without a holder shows no empty label."""
    assert _field_of(a_field("holder"), a_face("loyalty", holder="")) is None


def test_value_that_the_template_shows_and_the_card_lacks_is_refused() -> None:
    """A number that is missing is never guessed."""
    with pytest.raises(TemplateInvalid, match="rewards"):
        _field_of(a_field("rewards", "number"), a_face("loyalty"))


def test_change_message_and_alignment_are_written() -> None:
    """What a template says of a field is in the pass, in Apple's words (F5, F6)."""
    template_field = a_field(
        "balance",
        "number",
        label="label_balance",
        change_message="change_balance",
        text_alignment="right",
        number_style="spell_out",
    )

    assert _field_of(template_field, a_face("loyalty", balance=3)) == {
        "changeMessage": "change_balance",
        "key": "balance",
        "label": "label_balance",
        "numberStyle": "PKNumberStyleSpellOut",
        "textAlignment": "PKTextAlignmentRight",
        "value": 3,
    }


def test_quotes_and_line_breaks_in_names_are_escaped() -> None:
    """Whatever a customer is called, the document stays JSON."""
    holder = 'Robert "Bob"\n\\ Tables\u2028'

    assert _field_of(a_field("holder"), a_face("loyalty", holder=holder))["value"] == holder


def test_barcode_is_an_array_with_text_and_encoding() -> None:
    """The barcode's message is a string in an encoding that can write it (1.4)."""
    (barcode,) = _content(a_template(), a_face("loyalty"))["barcodes"]

    assert barcode == {
        "altText": "7Q4M-K2XW-9RTB-H",
        "format": "PKBarcodeFormatQR",
        "message": "7Q4MK2XW9RTBH",
        "messageEncoding": "iso-8859-1",
    }


def test_barcode_beyond_latin_is_utf8() -> None:
    """A key that ISO 8859-1 cannot write says so in its encoding."""
    face = a_face("loyalty")
    cyrillic = Face(**{**{name: getattr(face, name) for name in Face.__slots__}, "barcode_message": "Ключ"})

    assert _content(a_template(), cyrillic)["barcodes"][0]["messageEncoding"] == "utf-8"


def test_voided_pass_has_no_barcode() -> None:
    """A redeemed coupon cannot be scanned again."""
    content = _content(a_template(), a_face("loyalty", voided=True))

    assert content["voided"] is True
    assert "barcodes" not in content


def test_valid_pass_is_not_called_voided() -> None:
    """The key is absent from valid passes, as some readers take its presence for the fact."""
    assert "voided" not in _content(a_template(), a_face("loyalty"))


@pytest.mark.parametrize(("kind", "prohibited"), [("gift", True), ("coupon", True), ("loyalty", False)])
def test_cards_worth_money_cannot_be_shared(kind: str, *, prohibited: bool) -> None:
    """Gift cards and coupons hide the Share button."""
    content = _content(a_template(kind=kind), a_face("loyalty"))

    assert content.get("sharingProhibited", False) is prohibited


def test_loyalty_cards_have_no_relevant_date_and_no_locations() -> None:
    """A relevant date would make the card look expired a day later (A1.4)."""
    content = _content(a_template(), a_face("loyalty", expires_at=datetime(2027, 1, 1, tzinfo=UTC)))

    assert not {"relevantDate", "relevantDates", "locations"} & content.keys()
    assert content["expirationDate"] == "2027-01-01T00:00:00+00:00"


def test_short_authentication_token_is_refused() -> None:
    """Apple wants 16 characters at least."""
    with pytest.raises(ValueError, match="16"):
        pass_json(a_template(), a_face("loyalty"), PassIdentity("serial", "short", "prg_1"), ISSUER)


def test_writer_keeps_nothing_of_the_last_card() -> None:
    """Two cards through one writer are what they are through two (PK10)."""
    template = a_template(a_field("holder"))
    writer = PassWriter(template, ISSUER)
    writer.write(a_face("loyalty", expires_at=datetime(2027, 1, 1, tzinfo=UTC), voided=True), IDENTITY)

    assert writer.write(a_face("loyalty"), IDENTITY) == pass_json(template, a_face("loyalty"), IDENTITY, ISSUER)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"formatVersion": "1"}, "formatVersion"),
        ({"serialNumber": None}, "serialNumber is missing"),
        ({"description": ""}, "description is missing"),
        ({"authenticationToken": "short"}, "16 characters"),
        ({"webServiceURL": "https://x.example/v1"}, "webServiceURL"),
        ({"expirationDate": "2026-01-01T00:00:00.5Z"}, "expirationDate"),
        ({"expirationDate": "2026-01-01T00:00:00+0000"}, "expirationDate"),
        ({"relevantDate": "2026-01-01T00:00:00Z"}, "relevantDate"),
        ({"backgroundColor": "#ffffff"}, "backgroundColor"),
        ({"barcodes": {"message": "1"}}, "not an array"),
        ({"barcodes": [{"format": "PKBarcodeFormatQR", "message": 1, "messageEncoding": "utf-8"}]}, "no message"),
        ({"barcodes": [{"format": "QR", "message": "1", "messageEncoding": "utf-8"}]}, "format"),
        ({"barcodes": [{"message": "€", "messageEncoding": "iso-8859-1"}]}, "cannot be written"),
        ({"coupon": {}}, "exactly one style"),
        ({"storeCard": {"backFields": [{"key": "a", "value": 1}, {"key": "a", "value": 2}]}}, "occurs twice"),
        ({"storeCard": {"backFields": [{"value": 1}]}}, "no key"),
        ({"storeCard": {"backFields": [{"key": "a", "value": "1", "currencyCode": "EUR"}]}}, "no number"),
        ({"storeCard": {"backFields": [{"key": "a", "value": None}]}}, "is null"),
        (
            {"storeCard": {"primaryFields": [{"key": "a", "value": 1, "textAlignment": "PKTextAlignmentLeft"}]}},
            "textAlignment",
        ),
    ],
)
def test_lint_names_the_fault(change: dict[str, object], fault: str) -> None:
    """Each thing that keeps a pass from opening is named before it is signed."""
    content = {**_content(a_template(), a_face("loyalty")), **change}

    assert any(fault in found for found in faults_of(json.dumps(content).encode()))


def test_lint_refuses_what_is_no_json() -> None:
    """A broken document is a fault like any other."""
    with pytest.raises(TemplateInvalid, match="no JSON"):
        check_pass_json(b"{")
