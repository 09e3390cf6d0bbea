"""What happened between a customer and the shop, at a glance and row by row, and who did what (S2-038 to S2-048)."""

from __future__ import annotations

import pytest

from tests.builders import Shop
from tests.services.customers.merging import merged, two_cards
from walletd.db.engine.base import Tx
from walletd.db.merchants.audit import audit_log
from walletd.domain.errors import CursorInvalid, NotFound
from walletd.domain.merchants.audit import AuditFilter, HistoryRow
from walletd.domain.pages import PageRequest


async def happened(shop: Shop, customer_id: str) -> list[HistoryRow]:
    """The whole history, read in pages of ten."""
    rows: list[HistoryRow] = []
    cursor: str | None = None
    while True:
        request = PageRequest(page_size=10, cursor=cursor)
        page = await shop.services.history.of_customer(shop.principal, customer_id, request)
        rows += page.items
        cursor = page.next_cursor
        if cursor is None:
            return rows


async def test_a_history_holds_entries_and_deeds_the_newest_first(shop: Shop) -> None:
    """S2-044 to S2-048: source, moment, what it was, turnover; over several pages nothing is lost or shown twice."""
    card = await shop.card()
    serial, customer = card["serial_number"], card["customer_id"]
    await shop.post(serial, "purchase", purchase_total=4200, reference="receipt 7")
    for _ in range(15):
        shop.clock.advance(minutes=1)
        await shop.post(serial, "credit", amount=1)
    shop.clock.advance(minutes=1)
    await shop.services.cards.revoke(shop.principal, serial, "lost")
    rows = await happened(shop, customer)
    assert [row.event for row in rows[:2]] == ["card.revoked", "manual_credit"]
    assert rows[0].reason == "lost"
    assert {"customer.created", "card.issued", "earn"} <= {row.event for row in rows}
    assert len(rows) == len({row.id for row in rows}) == 19
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    bought = next(row for row in rows if row.event == "earn")
    assert (bought.turnover, bought.reference, bought.amount, bought.unit) == (4200, "receipt 7", 42, "points")


async def test_quick_infos_add_up_what_the_history_says(shop: Shop) -> None:
    """S2-038 to S2-040, D-31: registration, last visit, contacts as rows of the history, turnover last and in total."""
    card = await shop.card()
    customer, registered = card["customer_id"], shop.clock()
    fresh = await shop.services.history.quick_infos(shop.principal, customer)
    assert (fresh.last_visit, fresh.last_turnover, fresh.total_turnover) == (None, 0, 0)
    shop.clock.advance(days=1)
    await shop.post(card["serial_number"], "purchase", purchase_total=4200)
    shop.clock.advance(days=1)
    second = await shop.post(card["serial_number"], "purchase", purchase_total=1000)
    infos = await shop.services.history.quick_infos(shop.principal, customer)
    assert (infos.registered_at, infos.last_visit) == (registered, shop.clock())
    assert (infos.last_turnover, infos.total_turnover, infos.currency) == (1000, 5200, "EUR")
    assert infos.contacts == len(await happened(shop, customer))
    await shop.reverse(second["transaction_id"])
    infos = await shop.services.history.quick_infos(shop.principal, customer)
    assert (infos.last_turnover, infos.total_turnover) == (-1000, 4200)


async def test_what_time_brings_about_is_no_visit(shop: Shop) -> None:
    """Points that expire make a row of the history; the customer was not there."""
    card = await shop.card()
    await shop.post(card["serial_number"], "credit", amount=5, valid_until="2026-12-31")
    visited = shop.clock()
    shop.clock.advance(days=60)
    await shop.services.upkeep.advance_due()
    rows = await happened(shop, card["customer_id"])
    infos = await shop.services.history.quick_infos(shop.principal, card["customer_id"])
    assert (rows[0].event, rows[0].source, infos.last_visit) == ("expire", "walletd", visited)


async def test_the_history_of_both_goes_on_after_a_merge_and_counts_once(shop: Shop) -> None:
    """What the absorbed customer bought stays in the history; moving it is no turnover."""
    one, other = await two_cards(shop)
    await shop.post(one["serial_number"], "purchase", purchase_total=1000)
    await shop.post(other["serial_number"], "purchase", purchase_total=2000)
    shop.clock.advance(minutes=1)
    await merged(shop, one, other)
    rows = await happened(shop, one["customer_id"])
    assert sum(row.turnover for row in rows) == 3000
    infos = await shop.services.history.quick_infos(shop.principal, one["customer_id"])
    assert (infos.total_turnover, infos.contacts) == (3000, len(rows))


async def test_the_audit_log_says_who_did_what_to_whom(shop: Shop) -> None:
    """Narrowed by subject, actor and action; the newest first; others see nothing of it."""
    card = await shop.card()
    serial = card["serial_number"]
    for deed in (shop.services.cards.revoke, shop.services.cards.reinstate):
        shop.clock.advance(minutes=1)
        await deed(shop.principal, serial, "a mistake")
    page = await shop.services.history.audit(shop.principal, PageRequest(), AuditFilter(subject=serial))
    assert [row.action for row in page.items] == ["card.reinstated", "card.revoked", "card.issued"]
    assert page.items[0].details == {"reason": "a mistake"}
    assert {row.actor for row in page.items} == {shop.principal.id}
    only = await shop.services.history.audit(shop.principal, PageRequest(), AuditFilter(action="card.revoked"))
    assert [row.subject for row in only.items] == [serial]
    none = await shop.services.history.audit(shop.principal, PageRequest(), AuditFilter(actor="key_x"))
    assert none.items == ()


async def test_a_history_of_nobody_or_from_nowhere_is_refused(shop: Shop) -> None:
    """404 for an unknown customer, a foreign cursor is named."""
    card = await shop.card()
    with pytest.raises(NotFound):
        await shop.services.history.of_customer(shop.principal, "cus_x", PageRequest())
    with pytest.raises(NotFound):
        await shop.services.history.quick_infos(shop.principal, "cus_x")
    for cursor in ("x", "WyJhIiwgMV0", "WzEsIDJd"):
        with pytest.raises(CursorInvalid):
            await shop.services.history.of_customer(shop.principal, card["customer_id"], PageRequest(cursor=cursor))


async def test_every_audit_entry_says_what_kind_of_principal_acted(shop: Shop) -> None:
    """A key, a phone and the command line are told apart; a row from before there were kinds has that of its actor."""
    card = await shop.card()
    await shop.register(card["serial_number"])
    old = {"cli": "command_line", "phone": "device", "holder": "customer", "walletd": "walletd", "key_1": "api_key"}

    def write(tx: Tx) -> None:
        for number, actor in enumerate(old):
            row = {"id": f"aud_{number}", "merchant_id": shop.principal.merchant_id, "at": 0, "actor": actor}
            tx.execute(audit_log.insert().values(**row, action="old.row", subject="x", details={}))

    await shop.runtime.database.write(write)
    page = await shop.services.history.audit(shop.principal, PageRequest(page_size=50), AuditFilter())
    kinds = {(row.action, row.actor, row.actor_kind.value) for row in page.items}
    assert kinds >= {
        ("merchant.created", "cli", "command_line"),
        ("card.issued", "key_test", "api_key"),
        ("card.installed", "phone", "device"),
    }
    assert {actor: kind for action, actor, kind in kinds if action == "old.row"} == old
