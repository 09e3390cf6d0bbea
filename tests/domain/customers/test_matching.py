"""Staged matching: who is the same, who is not, and at which stage (S0-041 to S0-045, D-05)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.customers.customers import CustomerDetails
from walletd.domain.customers.matching import MatchKeys, hit, is_obvious, match_keys

HOME = {"street": "Hauptstraße 7", "postal_code": "10115"}


def person(**details: Any) -> MatchKeys:
    """What somebody is recognised by."""
    return match_keys(CustomerDetails(**{"last_name": "Müller"} | details))


@pytest.mark.parametrize("one", ["mia@example.org", " MIA@Example.ORG "])
def test_an_e_mail_address_matches_whatever_its_case(one: str) -> None:
    """Stage 1."""
    assert hit(person(email=one), person(email="Mia@example.org", last_name="Anders")) == "email"


@pytest.mark.parametrize(
    "written", ["0171 555 01 99", "+49 (171) 5550199", "0049-171-5550199", "0171/5550199", "01715550199"]
)
def test_a_telephone_number_matches_however_it_is_written(written: str) -> None:
    """Stage 2: as E.164, in Germany unless the address says otherwise."""
    assert hit(person(phone=written), person(phone="+491715550199")) == "phone"
    assert person(phone="0664 1234567", address={"country": "AT"}).phone == "+436641234567"


@pytest.mark.parametrize("nothing", ["", "n/a", "0", "12", "keine", "++++", "1" * 40])
def test_what_cannot_be_dialled_is_no_number(nothing: str) -> None:
    """Two customers without a number are not the same."""
    assert person(phone=nothing).phone is None


@pytest.mark.parametrize(
    ("first", "last", "street"),
    [
        ("Jörg", "Müller-Lüdenscheidt", "Hauptstr. 7"),
        ("JOERG", "Mueller Luedenscheidt", "hauptstrasse 7"),
        ("Jörg ", "Müller  Lüdenscheidt", "Haupt Straße 7"),
        ("Jo\u0308rg", "Müller\u2010Lüdenscheidt", "Hauptstr.7"),
        ("Jörg", "MÜLLER-LÜDENSCHEIDT", "HAUPTSTRASSE 7"),
    ],
)
def test_name_and_address_match_however_they_are_spelt(first: str, last: str, street: str) -> None:
    """Stage 3: ä is ae, ß is ss, a hyphen is a space, Str. is Straße."""
    known = person(first_name="Jörg", last_name="Müller-Lüdenscheidt", address=HOME)
    asked = person(first_name=first, last_name=last, address={"street": street, "postal_code": "10115"})
    assert hit(asked, known) == "person"


@pytest.mark.parametrize(
    "other",
    [
        {"first_name": "Mia", "address": HOME | {"postal_code": "10117"}},
        {"first_name": "Mia", "address": HOME | {"street": "Hauptstraße 8"}},
        {"first_name": "Max", "address": HOME},
        {"first_name": None, "address": HOME},
        {"first_name": "Mia", "address": {"street": "Hauptstraße 7"}},
    ],
)
def test_another_house_name_or_postcode_is_another_person(other: dict[str, Any]) -> None:
    """Nothing is guessed: all four have to be there and the same."""
    assert hit(person(first_name="Mia", address=HOME), person(**other)) is None


def test_the_first_stage_with_a_hit_decides() -> None:
    """The same address and number: the e-mail address says it."""
    both = {"email": "a@b.example", "phone": "0171 5550199", "first_name": "Mia", "address": HOME}
    assert hit(person(**both), person(**both)) == "email"
    assert hit(person(**both), person(**both | {"email": "x@y.example"})) == "phone"
    assert hit(person(**both), person(**both | {"email": None, "phone": None})) == "person"


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40), st.text(max_size=20))
def test_any_text_has_keys_and_is_the_same_as_itself_or_blank(name: str, street: str, phone: str, code: str) -> None:
    """Whatever was typed: no fault, and keys do not depend on anything else."""
    typed = CustomerDetails(
        first_name=name, last_name=name, phone=phone, address={"street": street, "postal_code": code, "country": name}
    )
    keys = match_keys(typed)
    assert keys == match_keys(typed)
    assert hit(keys, keys) is not None or (keys.phone is None and keys.person is None)


@pytest.mark.parametrize(
    ("other", "obvious"),
    [
        ({}, True),
        ({"first_name": "MIA", "last_name": "Mueller"}, True),
        ({"first_name": None, "last_name": None, "company": "Weber GmbH"}, True),
        ({"birth_date": "1980-01-02"}, True),
        ({"birth_date": "1981-01-02"}, False),
        ({"first_name": "Max"}, False),
        ({"first_name": None}, False),
        ({"email": "x@b.example"}, False),
    ],
)
def test_a_contradicting_name_or_birthday_needs_somebody_to_look(other: dict[str, Any], *, obvious: bool) -> None:
    """D-18: the address alone is not enough, for families share one; what is not known contradicts nothing."""
    known = {"first_name": "Mia", "last_name": "Müller", "email": "m@b.example", "birth_date": "1980-01-02"}
    assert is_obvious(CustomerDetails(**known), CustomerDetails(**known | other)) is obvious  # type: ignore[arg-type]
