"""Statements and reports over HTTP: pages and files for people, in their language."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import httpx
import pytest

from tests.web.conftest import Till

API = "/api/v1"


async def a_history(till: Till, kind: str = "loyalty", **customer: object) -> str:
    """Book a credit with lock and validity, a debit, and a reservation that comes to nothing; return the account."""
    shop = till.shop
    shop.clock.now = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
    card = await shop.card(kind, **customer)
    serial = card["serial_number"]
    await shop.post(serial, "credit", amount=1250, campaign="=HYPERLINK(1)", reference="+49 <b>7</b>")
    await shop.post(
        serial, "credit", amount=5, locked_until="2026-07-02T10:00:00Z", valid_until="2027-01-31T22:59:59.999Z"
    )
    await shop.post(serial, "debit", amount=50)
    await shop.reserve(serial, 10)
    shop.clock.advance(minutes=15)
    await shop.services.ledger.advance_due()
    account: str = card["account_id"]
    return account


async def get(till: Till, path: str) -> httpx.Response:
    """Ask as the shop."""
    answer = await till.client.get(f"{API}{path}", headers=till.headers)
    assert answer.status_code == 200, answer.text
    return answer


def table(answer: httpx.Response, delimiter: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that starts with the mark of UTF-8."""
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=delimiter))


async def test_a_statement_has_the_columns_of_the_point_history_in_german(till: Till) -> None:
    """S4-038 to S4-046: id, campaign, order, signed points, lock, validity, status, instant, on the shop's clock."""
    account = await a_history(till)
    rows = table(await get(till, f"/accounts/{account}/statement.csv?language=de"), ";")
    assert [row["ID"] for row in rows] == ["4", "3", "2", "1"]
    assert [row["Betrag (Punkte)"] for row in rows] == ["-10", "-50", "5", "1250"]
    assert [row["Status"] for row in rows] == ["Verworfen", "Aktiv", "Aktiv", "Aktiv"]
    assert [row["Vorgang"] for row in rows][:3] == ["Einlösung", "Manueller Abzug", "Manuelle Gutschrift"]
    assert rows[2]["Gesperrt bis"] == "2026-07-02 12:00:00"
    assert rows[2]["Gültig bis"] == "2027-01-31 23:59:59"
    assert rows[3]["Erstellt am"] == "2026-07-01 12:00:00"


async def test_no_cell_of_a_file_is_a_formula(till: Till) -> None:
    """What somebody typed at a till is text for a spreadsheet; numbers stay numbers."""
    account = await a_history(till)
    rows = table(await get(till, f"/accounts/{account}/statement.csv?language=en"), ",")
    assert rows[3]["Campaign"] == "'=HYPERLINK(1)"
    assert rows[3]["Order"].startswith("'+49")
    assert rows[1]["Amount (points)"] == "-50"


async def test_money_has_the_decimals_of_its_currency_and_the_language(till: Till) -> None:
    """12.50 in a file is 12,50 in German."""
    account = await a_history(till, "gift")
    german, english = ("de", ";", "Betrag (EUR)", "12,50"), ("en", ",", "Amount (EUR)", "12.50")
    for language, delimiter, column, amount in (german, english):
        rows = table(await get(till, f"/accounts/{account}/statement.csv?language={language}"), delimiter)
        assert rows[-1][column] == amount
    page = await get(till, f"/accounts/{account}/statement?language=de")
    assert "12,50\xa0€" in page.text


async def test_a_page_says_the_same_and_runs_nothing(till: Till) -> None:
    """Texts of others are text; the policy lets nothing be loaded, and nobody in between keeps the page."""
    account = await a_history(till)
    answer = await get(till, f"/accounts/{account}/statement?language=en")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert "&lt;b&gt;7&lt;/b&gt;" in answer.text
    assert "<b>7</b>" not in answer.text
    for word in ("Redeemable", "1,205 points", "Jul 2, 2026", "Discarded", "Europe/Berlin"):
        assert word in answer.text.replace("\xa0", " ").replace("\u202f", " "), word


async def test_a_statement_speaks_the_customers_language(till: Till) -> None:
    """Without a wish it is the customer's, whatever region he names; a wish that nobody speaks here changes nothing."""
    account = await a_history(till)
    customer = (await get(till, f"/accounts/{account}")).json()["customer_id"]
    for locale, word in (("en-GB", "Statement"), ("de-AT", "Kontoauszug")):
        changed = await till.client.patch(f"{API}/customers/{customer}", headers=till.headers, json={"locale": locale})
        assert changed.status_code == 200
        assert word in (await get(till, f"/accounts/{account}/statement?language=xx")).text


async def test_a_file_holds_every_entry_and_a_page_says_what_it_leaves_out(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file goes through all pages of the history."""
    monkeypatch.setattr("walletd.web.api.ledger.statements._LINES_MAX", 120)
    serial = (card := await till.shop.card())["serial_number"]
    for _ in range(130):
        await till.shop.post(serial, "credit", amount=1)
    rows = table(await get(till, f"/accounts/{card['account_id']}/statement.csv?language=en"), ",")
    assert [row["ID"] for row in rows] == [str(number) for number in range(130, 0, -1)]
    page = await get(till, f"/accounts/{card['account_id']}/statement?language=en")
    assert "Older entries are not shown here" in page.text
    assert page.text.count("<tr") == 121


async def test_a_suspended_customer_and_a_stranger_get_no_statement(till: Till) -> None:
    """The same rules as for the balances (D-16), and another merchant finds nothing."""
    account = await a_history(till)
    customer = (await get(till, f"/accounts/{account}")).json()["customer_id"]
    for suffix in ("", ".csv"):
        path = f"{API}/accounts/{account}/statement{suffix}"
        assert (await till.client.get(path, headers=till.stranger)).status_code == 404
        assert (await till.client.get(f"{path}?lines=7", headers=till.headers)).status_code == 422
    await till.post(f"/customers/{customer}/suspend-loyalty", None, {"reason": "test"})
    answer = await till.client.get(f"{API}/accounts/{account}/statement", headers=till.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "loyalty_suspended")


async def test_the_liability_is_a_file_for_the_bookkeeper(till: Till) -> None:
    """A line per program, money in major units, and the same figures as the JSON."""
    await a_history(till, "gift")
    (row,) = table(await get(till, "/reports/liability.csv?as_of=2026-12-31"), ",")
    assert (row["unit"], row["credited"], row["redeemed"], row["owed"]) == ("EUR", "12.55", "0.50", "12.05")
    document = (await get(till, "/reports/liability?as_of=2026-12-31")).json()
    assert (document["from"], document["as_of"]) == (None, "2026-12-31T23:00:00.000Z")
    assert document["items"][0]["owed"] == 1205
