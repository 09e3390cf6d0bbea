"""Classes and objects: the kinds against golden files, against Google's own schema, and by the rules in prose."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO

import pytest
from PIL import Image

from tests.demo.google.google_discovery import table
from tests.wallets.apple.samples import a_face
from tests.wallets.google.samples import FACES, GOLDEN, TEMPLATES, a_class, an_object, schema_of
from walletd.demo.google.rules import api_table, faults
from walletd.domain.delivery.faces import Percent, Phrase
from walletd.domain.errors import CertificateInvalid
from walletd.domain.money import Money
from walletd.wallets.google.images import draw
from walletd.wallets.google.names import check_issuer
from walletd.wallets.google.texts import micros, value_text

KINDS = sorted(FACES)


def test_the_table_of_the_api_is_what_the_installed_discovery_document_gives() -> None:
    """So every check against the table is one against Google's own document."""
    assert api_table() == table()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_made_as_its_golden_file(kind: str) -> None:
    """A change of the shipped documents is seen in review; `write_golden` writes them anew."""
    golden = json.loads((GOLDEN / f"{kind}.json").read_text(encoding="utf-8"))
    assert golden == {"class": a_class(TEMPLATES[kind]), "object": an_object(TEMPLATES[kind], FACES[kind])}


@pytest.mark.parametrize("kind", KINDS)
def test_each_document_passes_the_schema_of_google(kind: str) -> None:
    """Names, types, required members and the rules in prose, for a valid card and a void one."""
    template = TEMPLATES[kind]
    void = a_face(kind, voided=True)
    assert list(faults(schema_of(kind, "Class"), a_class(template))) == []
    assert list(faults(schema_of(kind, "Object"), an_object(template, FACES[kind]))) == []
    assert list(faults(schema_of(kind, "Object"), an_object(template, void))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_void_card_keeps_nothing_of_the_person_and_nothing_to_redeem(kind: str) -> None:
    """Objects stay at Google for ever (G3.7)."""
    document = an_object(TEMPLATES[kind], a_face(kind, voided=True))
    written = json.dumps(document, ensure_ascii=False)
    assert document["state"] == "INACTIVE"
    for secret in ("Zoë", "7Q4M", "barcode", "loyaltyPoints", "balance"):
        assert secret not in written


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_is_there_in_german_and_english(kind: str) -> None:
    """What the template says in two languages, Google shows in two."""
    for document in (a_class(TEMPLATES[kind]), an_object(TEMPLATES[kind], FACES[kind])):
        for module in document["textModulesData"]:
            body = module["localizedBody"]
            languages = [body["defaultValue"]["language"], *(item["language"] for item in body["translatedValues"])]
            assert sorted(languages) == ["de", "en"]
            assert module["body"] == body["defaultValue"]["value"]


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (Money(3456, "USD"), "34560000"),
        (Money(500, "JPY"), "500000000"),
        (Money(1234, "KWD"), "1234000"),
        (Money(1, "EUR"), "10000"),
        (Money(0, "EUR"), "0"),
        (Money(-250, "CHF"), "-2500000"),
        (Money(922_337_203_685_477, "EUR"), "9223372036854770000"),
    ],
)
def test_money_is_in_millionths_of_the_major_unit_whatever_the_currency(money: Money, expected: str) -> None:
    """G1.4: whole numbers only, never scaled by the currency alone."""
    assert micros(money) == expected


def test_an_amount_that_google_cannot_hold_is_left_out_rather_than_wrong() -> None:
    """Micros are 64 bits: beyond 9 billion euros the card goes without its balance."""
    document = an_object(TEMPLATES["gift"], a_face("gift", balance=Money(9_007_199_254_740_991, "EUR")))
    assert "balance" not in document
    assert list(faults("GiftCardObject", document)) == []


def test_a_number_beyond_32_bits_goes_as_text() -> None:
    """G1.1: `int` is 32 bits."""
    for balance, expected in ((2**31 - 1, {"int": 2**31 - 1}), (2**31, {"string": "2147483648"})):
        document = an_object(TEMPLATES["loyalty"], a_face("loyalty", balance=balance))
        assert document["loyaltyPoints"]["balance"] == expected


@pytest.mark.parametrize(("share", "text"), [(0, "0 %"), (1000, "10 %"), (750, "7.5 %"), (1234, "12.34 %")])
def test_a_discount_is_written_the_same_in_all_languages(share: int, text: str) -> None:
    """The text of a balance has no translation at Google (G6)."""
    document = an_object(TEMPLATES["discount"], a_face("discount", rate=Percent(share)))
    assert document["loyaltyPoints"]["balance"] == {"string": text}


@pytest.mark.parametrize(
    ("phrase", "state"),
    [("coupon_available", "ACTIVE"), ("coupon_redeemed", "COMPLETED"), ("coupon_expired", "EXPIRED")],
)
def test_the_state_of_a_coupon_is_the_state_of_its_object(phrase: str, state: str) -> None:
    """A used or ended coupon goes to the archive of the wallet (G3.7)."""
    assert an_object(TEMPLATES["coupon"], a_face("coupon", state=Phrase(phrase)))["state"] == state


def test_the_stamps_are_a_picture_of_their_own_for_each_count() -> None:
    """The address changes with the stamps, as Google keeps pictures by their address."""
    document = an_object(TEMPLATES["stamp"], FACES["stamp"])
    assert document["heroImage"]["sourceUri"]["uri"].endswith("/stamps-3-10.png")
    assert document["loyaltyPoints"]["balance"] == {"string": "3/10"}


@pytest.mark.parametrize(("name", "size"), [("logo", (660, 660)), ("hero", (1032, 336)), ("stamps-3-10", (1032, 336))])
def test_pictures_have_the_sizes_that_google_asks_for(name: str, size: tuple[int, int]) -> None:
    """G6: a square logo that bears a round mask, a hero of 3:1."""
    drawn = draw(TEMPLATES["stamp"], name)
    assert drawn is not None
    with Image.open(BytesIO(drawn)) as picture:
        assert (picture.size, picture.format) == (size, "PNG")


@pytest.mark.parametrize("name", ["", "logo.png", "stamps-11-10", "stamps-1-31", "stamps-1-0", "../logo", "stamps-x-1"])
def test_there_is_no_picture_of_any_other_name(name: str) -> None:
    """What is asked for is drawn from a short list of names."""
    assert draw(TEMPLATES["stamp"], name) is None


@pytest.mark.parametrize("issuer", ["", "abc", "3388.1", "1" + "0" * 20, "9" * 19, "\uff13\uff13"])
def test_an_issuer_id_that_cannot_be_one_is_refused_with_where_to_find_it(issuer: str) -> None:
    """G8: the client_id of a service account is the commonest mistake."""
    with pytest.raises(CertificateInvalid, match="Issuer ID"):
        check_issuer(issuer)


def test_values_read_as_people_of_the_language_write_them() -> None:
    """Numbers, money and dates by the habits of each language."""
    template = TEMPLATES["loyalty"]
    moment = datetime(2027, 1, 31, 17, 0, tzinfo=UTC)
    assert [value_text(template, value, "de") for value in (12345, Percent(750), moment)] == [
        "12.345",
        "7,5 %",
        "31.01.2027",
    ]
    assert value_text(template, Money(123456, "EUR"), "en") == "€1,234.56"
    assert value_text(template, moment, "en") == "Jan 31, 2027"


def test_what_the_schema_does_not_know_is_found() -> None:
    """The check can fail: an unknown name, a missing member, a wrong type, a rule in prose."""
    template = TEMPLATES["loyalty"]
    good = an_object(template, FACES["loyalty"])
    bad = (
        good | {"colour": "red"},
        {name: value for name, value in good.items() if name != "state"},
        good | {"groupingInfo": {"sortIndex": "1"}},
        good | {"state": "GONE"},
        good | {"barcode": {"value": "1"}},
        good | {"loyaltyPoints": {"balance": {"int": 1, "string": "1"}}},
        good | {"heroImage": {"sourceUri": {"uri": "data:image/png;base64,AAAA"}}},
        good | {"textModulesData": [{"localizedBody": {"defaultValue": {"language": "", "value": "x"}}}]},
    )
    for document in bad:
        assert len(list(faults("LoyaltyObject", document))) == 1
