"""Identifiers, dates, pages, rules and customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import new_customer
from walletd.domain.calendar import (
    from_milliseconds,
    http_date,
    milliseconds,
    parse_http_date,
    rfc3339,
    whole_milliseconds,
)
from walletd.domain.cards.kinds import KINDS
from walletd.domain.cards.programs import complete_rules
from walletd.domain.customers.customers import NewCustomer, check_new_customer
from walletd.domain.delivery.device_messages import classify, neutralise
from walletd.domain.errors import CursorInvalid, ValidationFailed, WalletdError, error_for
from walletd.domain.identifiers import is_card_key, is_serial_number, new_card_key, new_id, new_serial_number
from walletd.domain.money import Money
from walletd.domain.pages import PageRequest, decode_cursor, encode_cursor

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def test_ids_lie_in_the_order_they_were_made() -> None:
    """The first characters carry the time."""
    assert new_id("txn", NOW) < new_id("txn", NOW + timedelta(milliseconds=1))


def test_serial_numbers_and_keys_are_well_formed_and_never_repeat() -> None:
    """Both are drawn from many bits."""
    serials = {new_serial_number() for _ in range(1000)}
    keys = {new_card_key() for _ in range(1000)}
    assert all(map(is_serial_number, serials))
    assert all(map(is_card_key, keys))
    assert (len(serials), len(keys)) == (1000, 1000)


@pytest.mark.parametrize("key", ["", " a", "a ", "x" * 65, "ä", "a\nb", "a\x00"])
def test_a_key_that_no_till_could_read_is_refused(key: str) -> None:
    """Keys are 1 to 64 printable ASCII characters without spaces around."""
    assert not is_card_key(key)


@given(st.integers(0, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_instants_survive_the_database_and_http(moment: datetime) -> None:
    """Milliseconds and HTTP dates lead back to the instant they stand for."""
    assert from_milliseconds(milliseconds(moment)) - moment < timedelta(milliseconds=1)
    assert parse_http_date(http_date(int(moment.timestamp()))) == int(moment.timestamp())


@given(st.datetimes(timezones=st.just(UTC)))
def test_whole_milliseconds_are_what_is_read_after_an_instant_was_stored(moment: datetime) -> None:
    """What was stored and read equals what was compared, where parts of milliseconds were dropped before."""
    assert from_milliseconds(milliseconds(moment)) == whole_milliseconds(moment)


@given(st.text())
def test_no_text_breaks_the_reading_of_http_dates(text: str) -> None:
    """Anything that is no date counts as not given (W16)."""
    assert parse_http_date(text) is None or isinstance(parse_http_date(text), int)


def test_instants_are_written_in_utc_with_milliseconds() -> None:
    """RFC 3339 with a Z."""
    assert rfc3339(NOW) == "2026-11-22T09:30:00.000Z"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")) | st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_leads_back_to_its_place(place: str | int) -> None:
    """What a list gave out it understands."""
    assert decode_cursor(encode_cursor(place, "id"), 2) == (place, "id")


@given(st.text())
def test_a_foreign_cursor_is_refused_by_name(cursor: str) -> None:
    """Text that no list gave out is an error of its own, never a crash."""
    try:
        decode_cursor(cursor, 2)
    except CursorInvalid:
        return


@pytest.mark.parametrize("size", [0, 1, 11, 1000, -10])
def test_a_page_size_that_no_list_offers_is_refused(size: int) -> None:
    """Pages have 10, 25, 50 or 100 items."""
    with pytest.raises(ValidationFailed):
        PageRequest(page_size=size)


@pytest.mark.parametrize(
    ("kind", "rules", "pointer"),
    [
        ("stamp", {"slots": 0}, "/rules/slots"),
        ("stamp", {"slots": 31}, "/rules/slots"),
        ("stamp", {"slots": True}, "/rules/slots"),
        ("stamp", {"slots": "10"}, "/rules/slots"),
        ("stamp", {"cents_per_point": 5}, "/rules/cents_per_point"),
        ("reward", {"reward_name": ""}, "/rules/reward_name"),
        ("gift", {"rate": 5}, "/rules/rate"),
    ],
)
def test_a_rule_out_of_range_is_refused_with_its_place(kind: str, rules: dict[str, object], pointer: str) -> None:
    """The error says which rule and what it may be."""
    with pytest.raises(ValidationFailed) as refused:
        complete_rules(kind, rules)
    errors = refused.value.facts["errors"]
    assert isinstance(errors, list)
    assert errors[0]["pointer"] == pointer


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_rules_without_being_asked(kind: str) -> None:
    """Kind and name are enough."""
    assert complete_rules(kind, {}) == complete_rules(kind, complete_rules(kind, {}))


@pytest.mark.parametrize(
    "customer",
    [
        new_customer(),
        new_customer(last_name="  "),
        new_customer(last_name="A", email="nobody"),
        new_customer(last_name="A", locale="Deutsch!"),
        new_customer(last_name="A", birth_date="31.12.1980"),
        new_customer(last_name="A", number=0),
        new_customer(last_name="x" * 201),
        new_customer(last_name="a\x00b"),
        new_customer(last_name="A", custom_fields={"k": "\x1b[31m"}),
    ],
)
def test_a_customer_that_cannot_be_stored_is_refused(customer: NewCustomer) -> None:
    """Names, dates and forms are checked before anything is written."""
    with pytest.raises(ValidationFailed):
        check_new_customer(customer)


def test_a_name_that_looks_like_code_is_kept_as_it_is() -> None:
    """Text is data: it is stored verbatim and escaped where it is shown (R2)."""
    name = "Robert'); DROP TABLE cards;--<script>{{7*7}}"
    assert check_new_customer(new_customer(last_name=name)).details.last_name == name


@pytest.mark.parametrize(
    ("money", "text"),
    [(Money(1999, "EUR"), "19.99"), (Money(20, "JPY"), "20"), (Money(1, "KWD"), "0.001"), (Money(0, "EUR"), "0.00")],
)
def test_money_is_exact_in_every_currency(money: Money, text: str) -> None:
    """Minor units become a decimal with as many places as the currency has."""
    assert str(money.decimal()) == text


def test_a_phone_s_line_is_made_harmless() -> None:
    """Control characters become spaces and long tokens are cut (W22)."""
    line = neutralise("token ApplePass " + "a1" * 30 + "\r\n\x1b[31mred")
    assert "\n" not in line
    assert "\x1b" not in line
    assert "a1" * 10 not in line


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Server ignored the 'if-modified-since' header", "if_modified_since_ignored"),
        ("Device received spurious push", "spurious_push"),
        ("Server requested update for serial number x, but the pass was unchanged", "unchanged_pass"),
        ("hello", "other"),
    ],
)
def test_known_complaints_of_phones_are_classified(line: str, kind: str) -> None:
    """The messages that passd writes are counted by kind."""
    assert classify(line) == kind


def all_errors(kind: type[WalletdError] = WalletdError) -> list[type[WalletdError]]:
    """Return an error class and everything below it."""
    return [kind, *(below for child in kind.__subclasses__() for below in all_errors(child))]


def test_every_error_has_a_code_of_its_own_and_can_be_made_from_it() -> None:
    """Codes are stable names; a stored refusal becomes the same error again."""
    errors = all_errors()
    assert len({error.code for error in errors}) == len(errors)
    assert all(type(error_for(error.code, "d", {})) is error for error in errors)
