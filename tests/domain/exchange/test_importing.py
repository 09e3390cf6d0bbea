"""Importing: how files are read, and what a row means on each kind of card (D2.2.1)."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.cards.kinds import UNITS
from walletd.domain.cards.programs import Program, complete_rules
from walletd.domain.customers.consent import NOT_ASKED, OptIn, OptInRefused, OptInState
from walletd.domain.customers.customers import CustomerDetails
from walletd.domain.exchange.import_columns import GERMAN, armoured, columns_of, disarmed, header
from walletd.domain.exchange.import_consent import imported
from walletd.domain.exchange.import_files import LINE_BYTES_MAX, ImportFileInvalid, examine, read_records
from walletd.domain.exchange.import_rows import FindingLevel, ImportRow, Reader, merged, movement_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def a_program(kind: str, **rules: object) -> Program:
    """A program of a kind."""
    currency = "EUR" if UNITS[kind] == "money" else None
    return Program("prg_1", "mer_1", kind, kind, UNITS[kind], currency, kind, complete_rules(kind, rules), NOW)


def rows(content: bytes) -> list[list[str]]:
    """The records of a file."""
    file = io.BytesIO(content)
    form = examine(file)
    file.seek(0)
    return [record.cells for record in read_records(file, form)]


DAYS = tuple(datetime(2026, 3, day, 8, tzinfo=UTC) for day in (1, 2, 3))


def read(
    kind: str | None, cells: dict[str, str], *, lenient: bool = False, **rules: object
) -> tuple[ImportRow, list[str]]:
    """What a row asks for and the levels of what is said about it."""
    program = None if kind is None else a_program(kind, **rules)
    row, findings = Reader(list(cells), program, lenient, NOW, BERLIN).read(list(cells.values()))
    return row, [finding.level for finding in findings if finding.column]


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_is_read_in_either_encoding_with_either_delimiter(delimiter: str, encoding: str) -> None:
    """Excel's own ways of writing a German file and an English one are read alike."""
    text = delimiter.join(["Vorname", "Straße"]) + "\r\n" + delimiter.join(["Jürgen", '"Weg ""7"""']) + "\r\n"
    assert rows(text.encode(encoding)) == [["Vorname", "Straße"], ["Jürgen", 'Weg "7"']]


def test_a_line_that_names_the_delimiter_and_empty_lines_are_no_records() -> None:
    """Excel writes `sep=;` as a first line, and rows of nothing at the end."""
    assert rows(b"sep=;\nVorname;Nachname\nMia;Muster\n;\n\n") == [["Vorname", "Nachname"], ["Mia", "Muster"]]


def test_lines_are_counted_over_cells_of_several_lines() -> None:
    """The line that is named is the one that an editor shows."""
    file = io.BytesIO(b'number,source\n1,"two\nlines"\n2,x\n')
    form = examine(file)
    file.seek(0)
    assert [record.line for record in read_records(file, form)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        ("number\n1\n".encode("utf-16"), 1),
        ("number\n1\n".encode("utf-16-be"), 1),
        (b"number\n1\n\x00\n", 3),
        (b"number\n" + b"1" * (LINE_BYTES_MAX + 1), 2),
        (b'number\n1\n"2\n' + b"3\n" * LINE_BYTES_MAX, 3),
        (b'number\n"2\n', 2),
        (b'number\n"2"x\n', 2),
        (b"number\n1\n\x81\xff\n", 3),
        (b"number\n" + b"x" * 5000 + b"\n", 2),
        (b"number," + b",".join(b"x" for _ in range(300)) + b"\n", 1),
    ],
    ids=["empty", "utf-16", "utf-16-be", "nul", "long", "open", "open-at-end", "quote", "bytes", "cell", "cells"],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_line(content: bytes, line: int) -> None:
    """Row 38 of the bad inputs: each is one error that names where it is."""
    with pytest.raises(ImportFileInvalid) as caught:
        rows(content)
    assert caught.value.facts["line"] == line


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading_of_files(content: bytes) -> None:
    """Whatever is sent is read or refused."""
    try:
        rows(content)
    except ImportFileInvalid as error:
        line = error.facts["line"]
    else:
        line = 1
    assert isinstance(line, int)


def test_headers_are_known_in_german_and_english_however_they_are_spaced() -> None:
    """The names of the template, and those that people type."""
    names = tuple(GERMAN)
    for language in ("de", "en"):
        assert columns_of(header(language, names), with_program=True) == names
    assert columns_of(["E-MAIL", "First_Name", " strasse "], with_program=False) == ("email", "first_name", "street")


@pytest.mark.parametrize("cells", [["Haarfarbe"], ["Vorname", "first name"], ["Saldo"], [""]])
def test_a_header_that_means_nothing_or_twice_the_same_is_refused(cells: list[str]) -> None:
    """No column is ever dropped in silence."""
    with pytest.raises(ImportFileInvalid):
        columns_of(cells, with_program=False)


@given(st.text(max_size=20))
def test_an_armoured_cell_comes_back_exactly_and_is_no_formula(text: str) -> None:
    """What a spreadsheet would run or shorten begins with an apostrophe, and import takes it off again."""
    cell = armoured(text)
    assert disarmed(cell) == text
    assert not cell.startswith(tuple("=+-@|%\t\r\n\x00"))


def test_postal_codes_and_long_numbers_keep_their_digits() -> None:
    """A spreadsheet would read 01067 as 1067."""
    assert [armoured(text) for text in ("01067", "0171 1", "+49 171", "123456789012", "12", "0")] == [
        "'01067",
        "'0171 1",
        "'+49 171",
        "'123456789012",
        "12",
        "0",
    ]


@pytest.mark.parametrize(
    ("kind", "cell", "amount", "levels"),
    [
        ("stamp", "11", 11, []),
        ("stamp", "11,0", 11, []),
        ("stamp", "1,5", None, [FindingLevel.ERROR]),
        ("stamp", "elf", None, [FindingLevel.ERROR]),
        ("stamp", "", None, []),
        ("reward", "40", 40, []),
        ("reward", "40.25", None, [FindingLevel.ERROR]),
        ("loyalty", "1.000", None, [FindingLevel.ERROR]),
        ("cashback", "15,5", 1550, []),
        ("cashback", "15.123", None, [FindingLevel.ERROR]),
        ("cashback", "15,123", None, [FindingLevel.ERROR]),
        ("gift", "23", 2300, []),
        ("gift", "1.234,50", 123450, []),
        ("gift", "1,234.5", 123450, []),
        ("gift", "99999999999999999", None, [FindingLevel.ERROR]),
        ("membership", "5", None, [FindingLevel.WARNING]),
        ("membership", "", None, []),
        ("coupon", "1", None, [FindingLevel.WARNING]),
        ("multipass", "3", None, [FindingLevel.ERROR]),
        ("multipass", "0", None, []),
        ("multipass", "", None, []),
    ],
)
def test_a_balance_means_what_its_kind_says(kind: str, cell: str, amount: int | None, levels: list[str]) -> None:
    """Table D2.2.1, with decimals by `,` and `.`; what can be read in two ways is refused."""
    row, found = read(kind, {"balance": cell})
    assert (row.amount, found) == (amount, levels)


def test_visits_are_an_error_in_strict_and_a_warning_in_lenient_mode() -> None:
    """D-20: prepaid visits are never dropped in silence."""
    assert read("multipass", {"balance": "3"})[1] == [FindingLevel.ERROR]
    assert read("multipass", {"balance": "3"}, lenient=True)[1] == [FindingLevel.WARNING]


@pytest.mark.parametrize(("total", "levels"), [("999,99", [FindingLevel.INFO]), ("1000", []), ("3000", [])])
def test_a_discount_below_its_first_tier_is_told(total: str, levels: list[str]) -> None:
    """D-21: the threshold counts inclusively; below it is 0 %, which is no fault."""
    tiers = [{"name": "5", "threshold": 100_000, "rate": 500}, {"name": "10", "threshold": 300_000, "rate": 1000}]
    assert read("discount", {"balance": total}, tiers=tiers)[1] == levels


def test_a_discount_books_turnover_and_others_a_lot_with_the_validity_of_the_program() -> None:
    """So that later purchases go on counting, and imported value ends as what is credited today does."""
    total = movement_of(a_program("discount"), 299_999, NOW, BERLIN)
    points = movement_of(a_program("loyalty", validity_days=30), 40, NOW, BERLIN)
    assert total is not None
    assert points is not None
    assert (total.kind, total.amount, total.turnover) == ("import", 299_999, 299_999)
    assert (points.kind, points.amount, points.merchant_account, points.turnover) == ("import", 40, "imported", 0)
    assert points.valid_until == datetime(2026, 12, 27, 12, tzinfo=UTC)
    assert movement_of(a_program("stamp"), 0, NOW, BERLIN) is None


def test_blank_keeps_and_a_dash_clears() -> None:
    """D-50: a blank cell changes nothing; `-` takes the value away; an armoured dash is a dash."""
    present = CustomerDetails(
        first_name="Mia", last_name="Muster", phone="+49 1", address={"city": "Ulm", "country": "DE"}
    )
    row, _ = read(None, {"first_name": "", "phone": "-", "city": "-", "last_name": "Meier", "company": "'-"})
    after = row.merged_with(present)
    assert (after.first_name, after.last_name, after.phone, after.company) == ("Mia", "Meier", None, "-")
    assert after.address == {"country": "DE"}


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ({"birth_date": "31.12.1980"}, {"birth_date": "1980-12-31"}),
        ({"birth_date": "1980-12-31"}, {"birth_date": "1980-12-31"}),
        ({"tags": "vip, regular"}, {"tags": ["vip", "regular"]}),
        ({"tags": '["a, b"]'}, {"tags": ["a, b"]}),
        ({"custom_fields": '{"size": "42"}'}, {"custom_fields": {"size": "42"}}),
        ({"phone": "'+49 171"}, {"phone": "+49 171"}),
        ({"origins": "Online, Kasse, voucher"}, {"origins": ["online", "till", "voucher"]}),
        ({"feedback_rating": "4"}, {"feedback_rating": 4}),
    ],
)
def test_cells_of_a_customer_are_read(cells: dict[str, str], value: dict[str, Any]) -> None:
    """Days in both manners, words between commas, further fields as JSON."""
    assert read(None, cells) == (ImportRow(details=value), [])


@pytest.mark.parametrize(
    "cells",
    [
        {"birth_date": "31.02.1980"},
        {"number": "0"},
        {"number": "12x"},
        {"active": "maybe"},
        {"registered": "31.12.2999"},
        {"registered": "-"},
        {"registered": "01.01.2020 25:00"},
        {"custom_fields": "[1]"},
        {"custom_fields": "{"},
        {"tags": "[1]"},
        {"card_key": "ü"},
        {"number": "-"},
        {"feedback_rating": "4,5"},
        {"opt_in": "yes"},
        {"opt_in_sent": "31.12.2999"},
    ],
)
def test_a_cell_that_means_nothing_is_an_error_of_its_column(cells: dict[str, str]) -> None:
    """The rest of the file is still looked at, so that all faults are told at once."""
    assert read("loyalty", cells)[1] == [FindingLevel.ERROR]


def test_active_and_registered_are_read_as_an_export_writes_them() -> None:
    """S2-022, S2-023: 1 and 0, and the day or the instant on the shop's clock."""
    row, _ = read(None, {"active": "0", "loyalty": "Inaktiv", "blocked": "Ja", "registered": "2026-07-01 10:00:00"})
    assert dict(row.flags) == {"crm_active": False, "loyalty_active": False, "redeem_blocked": True}
    assert row.created_at == datetime(2026, 7, 1, 8, tzinfo=UTC)
    assert read(None, {"registered": "01.07.2026"})[0].created_at == datetime(2026, 6, 30, 22, tzinfo=UTC)


def test_a_customer_that_would_have_no_name_is_an_error_with_its_column() -> None:
    """The same checks as over the API."""
    finding = merged(read(None, {"first_name": "Mia"})[0], None)[1][0]
    assert (finding.level, finding.column) == (FindingLevel.ERROR, "last_name")


@pytest.mark.parametrize(
    ("cells", "state"),
    [
        ({}, "none"),
        ({"opt_in_sent": "01.03.2026"}, "sent"),
        ({"opt_in": "02.03.2026"}, "confirmed"),
        ({"opt_in_sent": "01.03.2026", "opt_in": "01.03.2026"}, "confirmed"),
        ({"opt_in": "02.03.2026", "opt_in_revoked": "03.03.2026"}, "revoked"),
        ({"opt_in": "02.03.2026", "opt_in_revoked": "03.03.2026", "opt_in_sent": "04.03.2026"}, "sent"),
    ],
)
def test_the_last_step_of_a_consent_decides_its_state(cells: dict[str, str], state: str) -> None:
    """S2-008: the column OptIn holds the day of the confirmation; what is not there was not done."""
    assert imported(NOT_ASKED, read(None, cells)[0].consent).state == state


def test_a_file_does_not_bring_a_revoked_consent_back() -> None:
    """D2.3.7, I-22: not in one step, not by clearing it first; it may say that the owner was invited again."""
    revoked = OptIn(OptInState.REVOKED, sent_at=DAYS[0], confirmed_at=DAYS[1], revoked_at=DAYS[2])
    for cells in (
        {"opt_in": "05.03.2026"},
        {"opt_in_sent": "04.03.2026", "opt_in": "05.03.2026"},
        {"opt_in_revoked": "-"},
        {"opt_in_revoked": "-", "opt_in": "-", "opt_in_sent": "-"},
        {"opt_in_revoked": "01.03.2026", "opt_in_sent": "04.03.2026"},
    ):
        with pytest.raises(OptInRefused):
            imported(revoked, read(None, cells)[0].consent)
    assert imported(revoked, {}) == revoked
    again = imported(revoked, read(None, {"opt_in_sent": "04.03.2026"})[0].consent)
    assert again.state == "sent"
    assert imported(again, read(None, {"opt_in": "05.03.2026"})[0].consent).state == "confirmed"


def test_a_moment_that_is_known_to_the_second_is_no_change() -> None:
    """A file holds seconds: an export that comes back changes nothing."""
    known = OptIn(OptInState.SENT, sent_at=datetime(2026, 3, 1, 9, 0, 0, 125_000, UTC))
    assert imported(known, read(None, {"opt_in_sent": "2026-03-01 10:00:00"})[0].consent) == known
