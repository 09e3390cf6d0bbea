"""Imports on both engines: nothing before all is valid, everything once, and on from where it stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import Shop, new_customer
from tests.services.exchange.importing import a_file, book_all, counts, errors_of, take_in, upload
from walletd.db.engine.base import Tx
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.lists import CustomerFilter
from walletd.domain.errors import NotFound
from walletd.domain.exchange.import_files import ImportFileInvalid, ImportRefused
from walletd.domain.merchants.principals import SCOPES, Principal, PrincipalKind
from walletd.domain.pages import PageRequest
from walletd.services.exchange.imports.imports import ImportOptions

MANY = 130


async def cards_of(shop: Shop) -> dict[str, int]:
    """The total of each card by the last name of its customer."""
    page = await shop.services.cards.list(shop.principal, PageRequest(page_size=100))
    return {view.customer.name: view.balances.total for view in page.items}


def many(count: int = MANY, kind: str = "Saldo") -> list[list[object]]:
    """A file of so many customers, each with a balance of its own."""
    return [["Kundennummer", "Nachname", kind], *([n + 1000, f"Muster {n}", n + 1] for n in range(count))]


@pytest.mark.parametrize(
    ("kind", "cell", "total", "events"),
    [
        ("stamp", "11", 11, ["import"]),
        ("cashback", "15,5", 1550, ["import"]),
        ("gift", "23", 2300, ["import"]),
        ("reward", "40", 40, ["import"]),
        ("loyalty", "40", 40, ["import"]),
        ("discount", "3000", 300_000, ["import"]),
        ("membership", "", 0, []),
        ("coupon", "", 1, ["opening"]),
        ("multipass", "0", 0, []),
        ("stamp", "", 0, []),
    ],
)
async def test_a_balance_is_booked_on_a_new_card_as_its_kind_says(
    shop: Shop, kind: str, cell: str, total: int, events: list[str]
) -> None:
    """Table D2.2.1: what is booked, and what the card shows at once."""
    head = await take_in(shop, a_file(["Nachname", "E-Mail", "Saldo"], ["Jürgens", "j@example.de", cell]), kind)
    page = await shop.services.cards.list(shop.principal, PageRequest(page_size=10))
    view = page.items[0]
    assert (head.state, head.done, head.left_out, len(page.items)) == ("COMMITTED", 1, 0, 1)
    assert (view.customer.name, view.balances.total) == ("Jürgens", total)
    assert [entry["kind"] for entry in await shop.history(view.card.serial_number)] == events
    if kind == "discount":
        assert view.account.turnover == total


async def test_the_turnover_of_a_discount_goes_on_counting(shop: Shop) -> None:
    """D-21: what was imported counts for the tier together with what is bought later."""
    await take_in(shop, a_file(["Nachname", "Kundennummer", "Saldo"], ["Muster", 7, "2999,99"]), "discount")
    serial = (await shop.services.cards.list(shop.principal, PageRequest(page_size=10))).items[0].card.serial_number
    await shop.book(serial, "purchase", 1)
    assert (await shop.services.cards.get(shop.principal, serial)).account.turnover == 300_000


async def test_the_dry_run_shows_every_booking_and_books_nothing(shop: Shop) -> None:
    """Every row can be read with what it would do, page by page."""
    before = await counts(shop)
    report = await upload(shop, a_file(*many(30)), "loyalty")
    page = await shop.services.imports.rows(shop.principal, report.head.id, PageRequest(page_size=25))
    rest = await shop.services.imports.rows(shop.principal, report.head.id, PageRequest(25, page.next_cursor))
    rows = [*page.items, *rest.items]
    assert [(row.line, row.action, row.card, row.amount) for row in rows] == [
        (n + 2, "create", "issue", n + 1) for n in range(30)
    ]
    assert (report.head.state, report.head.created, report.head.booked) == ("VALIDATED", 30, sum(range(31)))
    assert await counts(shop) == before


async def test_one_bad_row_keeps_the_whole_file_out(shop: Shop) -> None:
    """All faults are told at once with line and column; nothing can be committed."""
    before = await counts(shop)
    rows = [*many(3), [2000, "Elf", "elf"], [2001, "", 5], [1001, "Doppelt", 1], [2002, "Minus", -5]]
    report = await upload(shop, a_file(*rows), "stamp")
    assert report.head.state == "FAILED"
    assert errors_of(report) == [
        (5, "balance", "error"),
        (6, "last_name", "error"),
        (7, "number", "error"),
        (8, "balance", "error"),
    ]
    with pytest.raises(ImportRefused):
        await shop.services.imports.commit(shop.principal, report.head.id)
    assert await counts(shop) == before


async def test_a_row_that_is_there_twice_is_an_error_however_it_is_named(shop: Shop) -> None:
    """By number, by e-mail address without regard to case, by card key, and by the customer it leads to."""
    present = await shop.services.customers.create(shop.principal, new_customer(last_name="Da", email="da@example.de"))
    report = await upload(
        shop,
        a_file(
            ["Kundennummer", "Nachname", "E-Mail", "Kartennummer"],
            ["", "Eins", "eins@example.de", "K1"],
            ["", "Zwei", "EINS@example.de", "K2"],
            [501, "Drei", "drei@example.de", "K1"],
            ["", "Vier", "drei@example.de", "K4"],
            [present.number, "Da", "", ""],
            ["", "Da", "da@example.de", ""],
            [502, "Sieben", "eins@example.de", ""],
        ),
        "stamp",
    )
    assert [(line, level) for line, _, level in errors_of(report)] == [
        (3, "error"),
        (4, "error"),
        (5, "error"),
        (7, "error"),
        (8, "error"),
    ]


async def test_an_import_that_was_interrupted_goes_on_where_it_stopped(shop: Shop) -> None:
    """Whatever ran before, each row is booked once: batches, the worker, and a second commit together."""
    report = await upload(shop, a_file(*many()), "loyalty")
    await shop.services.imports.commit(shop.principal, report.head.id)
    first = await shop.services.imports.book_next(shop.principal.merchant_id, report.head.id)
    again = await shop.services.imports.commit(shop.principal, report.head.id)
    assert 0 < first.done == again.head.done < MANY
    await shop.services.jobs.start_due()
    await asyncio.gather(
        shop.services.jobs.finish(),
        *(shop.services.imports.book_next(shop.principal.merchant_id, report.head.id) for _ in range(4)),
    )
    head = await book_all(shop, report.head.id)
    found = await counts(shop)
    assert (head.state, head.done) == ("COMMITTED", MANY)
    assert (found["cards"], found["ledger_entries"], found["idempotency_records"]) == (MANY, MANY, MANY)
    assert found["dirty_cards"] == MANY


@pytest.mark.parametrize("change", ["customer", "booking", "number", "rules"])
async def test_a_commit_is_refused_where_anything_changed_since_the_dry_run(shop: Shop, change: str) -> None:
    """A customer, a booking on a card, a number that was taken, the rules of the program: nothing is booked."""
    card = await shop.card("loyalty", customer=new_customer(last_name="Muster", number=1001))
    report = await upload(shop, a_file(*many(3)), "loyalty", lenient=True)
    if change == "customer":
        await shop.services.customers.update(shop.principal, card["customer_id"], {"phone": "+49 1"})
    elif change == "booking":
        await shop.book(card["serial_number"], "credit", 5)
    elif change == "number":
        await shop.services.customers.create(shop.principal, new_customer(last_name="Neu", number=1002))
    else:
        await shop.services.programs.update(shop.principal, await shop.program(), rules={"validity_days": 30})
    before = await counts(shop)
    with pytest.raises(ImportRefused):
        await shop.services.imports.commit(shop.principal, report.head.id)
    assert await counts(shop) == before
    assert (await shop.services.imports.get(shop.principal, report.head.id)).head.state == "FAILED"


async def test_what_is_taken_while_an_import_is_being_booked_is_left_out_and_named(shop: Shop) -> None:
    """A till that was faster keeps what it made; the other rows go on."""
    report = await upload(shop, a_file(*many(3)), "loyalty")
    await shop.services.imports.commit(shop.principal, report.head.id)
    await shop.services.customers.create(shop.principal, new_customer(last_name="Schneller", number=1001))
    head = await book_all(shop, report.head.id)
    after = await shop.services.imports.get(shop.principal, report.head.id)
    assert (head.state, head.done, head.left_out) == ("COMMITTED", 3, 1)
    assert [row.line for row in after.left_out] == [3]
    assert await cards_of(shop) == {"Muster 0": 1, "Muster 2": 3}


async def test_customers_are_updated_by_number_else_by_e_mail(shop: Shop) -> None:
    """D-50: blank keeps, `-` clears; who is not known is created; the flags are independent."""
    by_number = new_customer(number=5, last_name="Alt", phone="+49 1", email="alt@example.de")
    by_email = new_customer(last_name="Mail", email="mail@example.de", address={"city": "Ulm"})
    first, second = [await shop.services.customers.create(shop.principal, new) for new in (by_number, by_email)]
    head = await take_in(
        shop,
        a_file(
            ["Kundennummer", "Nachname", "Telefon", "E-Mail", "Ort", "Aktiv"],
            [5, "", "-", "neu@example.de", "", "0"],
            ["", "Mailer", "", "MAIL@example.de", "", ""],
            [77, "Neu", "'+49 7", "", "Bonn", 1],
        ),
    )
    one, two = [await shop.services.customers.get(shop.principal, each.id) for each in (first, second)]
    assert (one.details.last_name, one.details.phone, one.details.email) == ("Alt", None, "neu@example.de")
    assert (one.crm_active, two.crm_active, two.details.last_name) == (False, True, "Mailer")
    assert dict(two.details.address) == {"city": "Ulm"}
    page = await shop.services.customer_lists.page(shop.principal, PageRequest(page_size=10), CustomerFilter())
    assert (page.items[-1].number, page.items[-1].details.phone) == (77, "+49 7")
    assert (head.created, head.updated, head.cards) == (1, 2, 0)


async def test_a_number_that_a_row_chooses_is_never_given_to_a_row_without_one(shop: Shop) -> None:
    """Rows without a number get numbers above all that the file names."""
    await take_in(shop, a_file(["Kundennummer", "Nachname", "E-Mail"], ["", "A", "a@b.de"], [1, "B", ""], [2, "C", ""]))
    page = await shop.services.customer_lists.page(shop.principal, PageRequest(page_size=10), CustomerFilter())
    assert [(each.number, each.details.last_name) for each in page.items] == [(1, "B"), (2, "C"), (3, "A")]


async def test_an_import_never_corrects_the_balance_of_a_card_that_is_there(shop: Shop) -> None:
    """The same balance is nothing to do; another one is an error, and in lenient mode a warning."""
    await take_in(shop, a_file(*many(2)), "loyalty")
    before = await counts(shop)
    same = await take_in(shop, a_file(*many(2)), "loyalty")
    other = a_file(["Kundennummer", "Saldo"], [1000, 99])
    strict, lenient = await upload(shop, other, "loyalty"), await upload(shop, other, "loyalty", lenient=True)
    assert (same.state, same.bookings, strict.head.state, lenient.head.state) == ("COMMITTED", 0, "FAILED", "VALIDATED")
    assert await counts(shop) == before


async def test_phones_show_what_an_import_changed(shop: Shop) -> None:
    """A customer's new name reaches the pass on the phone."""
    card = await shop.card("loyalty", customer=new_customer(last_name="Muster", number=9))
    await shop.register(card["serial_number"])
    await shop.until_idle()
    before = await shop.published_sequence(card["serial_number"])
    await take_in(shop, a_file(["Kundennummer", "Nachname"], [9, "Meier"]))
    await shop.until_idle()
    assert await shop.published_sequence(card["serial_number"]) > before


async def test_a_file_that_breaks_in_the_middle_leaves_nothing_that_can_be_committed(shop: Shop) -> None:
    """A quote that is never closed after many good rows: refused with its line, nothing booked."""
    before = await counts(shop)
    file = a_file(*many(300), ['"offen', "", ""])
    with pytest.raises(ImportFileInvalid) as caught:
        await upload(shop, file, "loyalty")
    assert caught.value.facts["line"] == 302
    assert await counts(shop) == before


async def test_no_merchant_sees_or_commits_an_import_of_another(shop: Shop) -> None:
    """Names of others' imports and programs are not known."""
    report = await upload(shop, a_file(*many(1)), "loyalty")
    stranger = Principal("mer_other", PrincipalKind.API_KEY, "key_other", "other", SCOPES["admin"])
    with pytest.raises(NotFound):
        await shop.services.imports.commit(stranger, report.head.id)
    file = a_file(*many(1))
    form = await shop.services.imports.examine(file)
    with pytest.raises(NotFound):
        await shop.services.imports.upload(shop.principal, file, form, ImportOptions(program_id="prg_of_somebody"))


async def test_raw_imports_are_forgotten_after_thirty_days(shop: Shop) -> None:
    """J-13: the rows of a file hold persons; what was booked of them stays."""
    head = await take_in(shop, a_file(*many(3)), "loyalty")
    shop.clock.advance(days=29)
    await shop.services.upkeep.purge()
    assert (await shop.services.imports.get(shop.principal, head.id)).head.done == 3
    shop.clock.advance(days=2)
    await shop.services.upkeep.purge()
    with pytest.raises(NotFound):
        await shop.services.imports.get(shop.principal, head.id)
    assert (await counts(shop))["ledger_entries"] == 3


async def test_an_import_that_two_commit_at_once_is_booked_to_its_end(shop: Shop) -> None:
    """The slower one sees the customers that the import itself made; that is no drift, and stops nothing."""
    report = await upload(shop, a_file(["Nachname", "E-Mail"], ["A", "a@b.de"], ["B", "b@b.de"]))
    service, import_id = shop.services.imports, report.head.id
    look = service._drifted

    async def overtaken(head: Any) -> list[int]:
        service._drifted = look  # type: ignore[method-assign]
        assert (await book_all(shop, import_id)).state == "COMMITTED"
        return await look(head)

    service._drifted = overtaken  # type: ignore[method-assign]  # somebody is faster between the look and the commit
    late = await service.commit(shop.principal, import_id)
    assert (late.head.state, late.head.done) == ("COMMITTED", 2)


async def test_a_file_that_activates_a_customer_ends_the_claim_of_a_deactivation(shop: Shop) -> None:
    """Who is deactivated by hand afterwards stays so when the deactivation of many is undone."""
    customer = await shop.services.customers.create(shop.principal, new_customer(last_name="Weber"))
    made, _ = await shop.services.customer_lists.deactivate_without_opt_in(shop.principal)
    await take_in(shop, a_file(["Kundennummer", "Aktiv"], [customer.number, 1]))
    await shop.services.customers.set_flag(shop.principal, customer.id, "crm_active", value=False)
    assert await shop.services.customer_lists.undo_deactivation(shop.principal, made.id) == 0
    assert not (await shop.services.customers.get(shop.principal, customer.id)).crm_active


async def test_a_customer_that_came_by_a_file_is_found_by_a_tag(shop: Shop) -> None:
    """Tags with letters beyond ASCII too, however the engine stores them."""
    await take_in(shop, a_file(["Nachname", "E-Mail", "Tags"], ["A", "a@b.de", "Größe 10%"], ["B", "b@b.de", "x"]))
    chosen = CustomerFilter(tag="Größe 10%")
    page = await shop.services.customer_lists.page(shop.principal, PageRequest(page_size=10), chosen)
    assert [each.details.last_name for each in page.items] == ["A"]


async def test_a_file_that_would_bring_a_revoked_consent_back_is_refused(shop: Shop) -> None:
    """I-22: the row is an error with its column, and the customer stays without a newsletter."""
    customer = await shop.services.customers.create(shop.principal, new_customer(last_name="Muster"))
    for state in (OptInState.CONFIRMED, OptInState.REVOKED):
        shop.clock.advance(days=1)
        await shop.services.consent.note(shop.principal, customer.id, state)
    shop.clock.advance(days=9)
    file = a_file(["Kundennummer", "Nachname", "OptIn"], [customer.number, "Muster", "30.11.2026"])
    report = await upload(shop, file)
    assert errors_of(report) == [(2, "opt_in", "error")]
    file = a_file(["Kundennummer", "OptIn gesendet"], [customer.number, "30.11.2026"])
    await take_in(shop, file)
    after = await shop.services.customers.get(shop.principal, customer.id)
    assert after.opt_in.state == "sent"


async def test_what_an_import_books_is_by_who_asked_for_it(shop: Shop) -> None:
    """Rows are booked long after the request; the audit log still says that it was a member of staff."""
    shop.principal = Principal(shop.principal.merchant_id, PrincipalKind.STAFF, "stf_1", "Ada")
    await take_in(shop, a_file(["Vorname", "Nachname"], ["Mia", "Weber"]))

    def entries(tx: Tx) -> set[tuple[str, str]]:
        found = text("SELECT action, actor_kind FROM audit_log WHERE actor = 'stf_1'")
        return {(row.action, row.actor_kind) for row in tx.execute(found)}

    written = await shop.runtime.database.read(entries)
    assert "customer.imported" in {action for action, _ in written}
    assert {kind for _, kind in written} == {"staff"}
