"""Each change and its consequences: audit entry, webhook message, cards to publish, what is forgotten, who wakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Engine, event

from tests.builders import Shop
from walletd.db.cards import cards as card_rows
from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx
from walletd.db.outbox import webhook_messages
from walletd.domain.cards import changes as cards
from walletd.domain.cards.keys import OldKey
from walletd.domain.changes import Change
from walletd.domain.customers import changes as customers
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.merge_requests import MergeRequest, MergeRequestState
from walletd.domain.customers.merges import Journal, Merge, MergePlan, MergeState
from walletd.domain.delivery.publishing import BOOKED, CHANGED, MANY
from walletd.domain.exchange import changes as exchange
from walletd.domain.ledger import changes as ledger
from walletd.domain.merchants import changes as merchants
from walletd.domain.merchants.audit import AuditFilter
from walletd.domain.outbox import changes as outbox
from walletd.domain.pages import PageRequest
from walletd.domain.promotions import changes as promotions
from walletd.services.changes.recorder import record, record_all

_AUDITED: Final[Mapping[Change, str]] = {
    cards.ProgramCreated("x", "loyalty"): "program.created",
    cards.ProgramChanged("x"): "program.changed",
    ledger.TransactionBooked("x", "credit"): "transaction.booked",
    ledger.TransactionReversed("x", "txn_1"): "transaction.reversed",
    ledger.RedemptionReserved("x", 1): "redemption.reserved",
    ledger.RedemptionCaptured("x", 1): "redemption.captured",
    ledger.RedemptionReleased("x", 1): "redemption.released",
    customers.CustomerCreated("x"): "customer.created",
    customers.CustomerExported("x"): "customer.exported",
    customers.OptInChanged("x", OptInState.CONFIRMED): "customer.opt_in_confirmed",
    customers.CustomersDeactivated("x"): "customers.deactivated",
    customers.CustomersReactivated("x"): "customers.reactivated",
    customers.DuplicateDismissed("x", "cus_1", "cus_2"): "duplicate.dismissed",
    promotions.OrderReported("x", "cus_1"): "order.reported",
    exchange.ImportCommitted("x", 2, 1): "import.committed",
    exchange.ListExported("x", "customers"): "export.customers",
    merchants.ApiKeyCreated("x", ("admin",)): "api_key.created",
    merchants.ApiKeyRevoked("x"): "api_key.revoked",
    merchants.MerchantCreated("x"): "merchant.created",
    merchants.CredentialsSet("x", "apple"): "merchant.credentials_set",
    merchants.ServiceMailSet("x"): "merchant.service_mail_set",
    merchants.TillFolderSet("x"): "merchant.till_folder_set",
    outbox.WebhookCreated("x", ("card.issued",)): "webhook.created",
    outbox.WebhookDeleted("x"): "webhook.deleted",
    outbox.WebhookEnabled("x"): "webhook.enabled",
    outbox.WebhookSecretRotated("x"): "webhook.secret_rotated",
    outbox.WebhookReplayed("x", 3): "webhook.replayed",
}


_Followed = tuple[list[tuple[str, str, object]], list[tuple[str, str]], dict[str, int], set[str]]
"""Audit entries, webhook messages, marked cards with their urgency, and topics."""


async def _follow(shop: Shop, change: Change) -> _Followed:
    """Record a change; return new audit entries, messages, marks with their urgency, and whom it woke."""
    entries = await _entries(shop)
    now = shop.clock()

    def write(tx: Tx) -> tuple[dict[str, int], list[str], set[str]]:
        tx.execute(publishing.dirty_cards.delete())
        tx.execute(webhook_messages.webhook_messages.delete())
        record(tx, shop.principal, now, change)
        marked = {row.serial_number: row.urgency for row in tx.execute(publishing.dirty_cards.select())}
        return marked, sorted(name for names in tx.invalidated for name in names), set(tx.announced)

    marked, forgotten, woken = await shop.runtime.database.write(write)
    assert forgotten == sorted(marked)
    new = [entry for entry in await _entries(shop) if entry not in entries]
    (endpoint,) = (await shop.services.webhooks.list(shop.principal, PageRequest())).items
    request = PageRequest(page_size=100)
    made = (await shop.services.webhooks.messages(shop.principal, endpoint.id, request)).items
    return (
        [(action, subject, details) for _, action, subject, details in new],
        [(message.type, message.subject) for message in made],
        marked,
        woken,
    )


async def _entries(shop: Shop) -> list[tuple[str, str, str, Mapping[str, object]]]:
    page = await shop.services.history.audit(shop.principal, PageRequest(page_size=100), AuditFilter())
    return [(row.id, row.action, row.subject, row.details) for row in page.items]


async def test_changes_that_only_the_audit_log_tells_of(shop: Shop) -> None:
    """Each has its action and its subject, and nothing else follows but what the setting itself wakes."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    woken = {
        merchants.CredentialsSet: {"deliver", "credentials"},
        outbox.WebhookEnabled: {"webhooks"},
        outbox.WebhookReplayed: {"webhooks"},
    }
    for change, action in _AUDITED.items():
        entries, messages, marked, topics = await _follow(shop, change)
        assert [entry[:2] for entry in entries] == [(action, "x")]
        assert (messages, marked, topics) == ([], {}, woken.get(type(change), set()))


async def test_changes_of_a_card(shop: Shop) -> None:
    """Audit entry, message and mark are of that card; what happens on a phone marks nothing."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    made, other = await shop.card(), await shop.card()
    serial, beside = made["serial_number"], other["serial_number"]
    found = await shop.runtime.database.read(card_rows.find, shop.principal.merchant_id, serial)
    assert found is not None
    card, one = found.card, {serial: CHANGED}
    expected: list[tuple[Change, str, object, Mapping[str, int]]] = [
        (cards.CardIssued(card), "card.issued", {"program_id": card.program_id}, one),
        (cards.CardInstalled(card), "card.installed", {}, {}),
        (cards.CardUninstalled(card), "card.uninstalled", {}, {}),
        (cards.CardRevoked(card, "lost"), "card.revoked", {"reason": "lost"}, one),
        (cards.CardReinstated(card, "found"), "card.reinstated", {"reason": "found"}, one),
        (cards.CardDeleted(card, "gone"), "card.deleted", {"reason": "gone"}, one),
        (
            cards.CardKeyRewritten(card, "new till", OldKey.RETIRE, [serial, beside]),
            "card.key_rewritten",
            {"reason": "new till", "old_key": "retire"},
            {serial: CHANGED, beside: CHANGED},
        ),
    ]
    for change, name, details, marks in expected:
        entries, messages, marked, topics = await _follow(shop, change)
        assert (entries, messages, marked) == ([(name, serial, details)], [(name, serial)], marks)
        assert topics == ({"webhooks", "publish"} if marks else {"webhooks"})
    sent = await _follow(shop, cards.CardMessageSent(serial, "msg_1"))
    assert sent == ([("card.message_sent", serial, {"message_id": "msg_1"})], [], one, {"publish"})
    imported = await _follow(shop, exchange.CardImported(card))
    assert imported == ([], [("card.issued", serial)], {serial: MANY}, {"webhooks", "publish"})


async def test_changes_of_an_account(shop: Shop) -> None:
    """The message waits for its turn, the cards are as urgent as the change; nobody is told where nobody listens."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    made = await shop.card()
    serial, account = made["serial_number"], made["account_id"]
    found = await shop.runtime.database.read(card_rows.find, shop.principal.merchant_id, serial)
    assert found is not None
    changed = ledger.AccountChanged(found.account, BOOKED)
    told = [("account.changed", account)]
    assert await _follow(shop, changed) == ([], told, {serial: BOOKED}, {"webhooks", "publish"})
    assert await _follow(shop, replace(changed, watched=False)) == ([], [], {serial: BOOKED}, {"publish"})
    assert await _follow(shop, ledger.ExpiryNear(account)) == ([], [], {serial: CHANGED}, {"publish"})
    signed = ledger.CheckpointMade(7, "text")
    assert await _follow(shop, signed) == ([], [("ledger.checkpoint", "7")], {}, {"webhooks"})


async def test_changes_of_a_customer(shop: Shop) -> None:
    """All cards of the customer are marked, of both where two became one, and an erased person's cards by name."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    made, other = await shop.card(), await shop.card()
    serial, beside, name = made["serial_number"], other["serial_number"], made["customer_id"]
    one, both = {serial: CHANGED}, {serial: CHANGED, beside: CHANGED}
    plan = MergePlan(name, name, other["customer_id"], "the same")
    merge = Merge("mrg_1", shop.principal.merchant_id, plan, "key_test", MergeState.COMMITTED, Journal(), shop.clock())
    mentioned = {"absorbed": plan.absorbed, "number_survivor": name, "reason": "the same", "merge_id": "mrg_1"}
    line = {"line": 2}
    erased = customers.CustomerErased(name, [name], [serial])
    expected: list[tuple[Change, object, object, Mapping[str, int]]] = [
        (customers.CustomerChanged(name, ["email"]), ("customer.changed", name, {"fields": ["email"]}), None, one),
        (customers.CustomerFlagged(name, {"x": 1}), ("customer.flagged", name, {"x": 1}), None, one),
        (exchange.CustomerImported(name, line, is_update=False), ("customer.imported", name, line), None, {}),
        (
            exchange.CustomerImported(name, line, is_update=True),
            ("customer.imported", name, line),
            None,
            {serial: MANY},
        ),
        (erased, ("customer.erased", name, {"customers": [name], "cards": [serial]}), ("customer.erased", name), one),
        (customers.CustomersMerged(merge, 1, 2), ("customer.merged", name, mentioned), ("customer.merged", name), both),
        (
            customers.MergeUndone(merge, 1, 2),
            ("customer.merge_undone", "mrg_1", {"absorbed": plan.absorbed}),
            ("customer.merge_undone", name),
            both,
        ),
        (merchants.PoliciesSet(name, {"a": "b"}), ("merchant.policies_set", name, {"a": "b"}), None, {}),
    ]
    for change, entry, message, marks in expected:
        entries, messages, marked, _ = await _follow(shop, change)
        assert (entries, messages, marked) == ([entry], [] if message is None else [message], marks)


async def test_a_merge_request_names_both_customers(shop: Shop) -> None:
    """Filed, confirmed and rejected alike."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    request = MergeRequest(
        "mrq_1", shop.principal.merchant_id, "cus_1", "cus_2", "", MergeRequestState.OPEN, shop.clock()
    )
    named = {"requested_by": "cus_1", "requested_for": "cus_2"}
    for kind, action in (
        (customers.MergeRequestFiled, "merge_request.filed"),
        (customers.MergeRequestConfirmed, "merge_request.confirmed"),
        (customers.MergeRequestRejected, "merge_request.rejected"),
    ):
        assert await _follow(shop, kind(request)) == ([(action, "mrq_1", named)], [], {}, set())


async def test_many_changes_are_written_with_one_statement_per_table(shop: Shop) -> None:
    """Ten accounts take as many statements as two; one that changed twice is as urgent as the more urgent change."""
    await shop.services.webhooks.create(shop.principal, "https://shop.example/hook")
    serials = [(await shop.card())["serial_number"] for _ in range(10)]
    found = await shop.runtime.database.read(card_rows.of_serials, serials)
    states = [found[serial].account for serial in serials]
    now = shop.clock()

    def count(tx: Tx, some: int) -> int:
        changes = [ledger.AccountChanged(state, CHANGED) for state in states[:some]]
        booked = [ledger.TransactionBooked("x", "credit"), replace(changes[0], urgency=BOOKED)]
        statements = list[str]()

        def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
            statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        record_all(tx, now, [(shop.principal, change) for change in (*changes, *booked)])
        event.remove(Engine, "before_cursor_execute", note)
        return len(statements)

    assert await shop.runtime.database.write(count, 10) == await shop.runtime.database.write(count, 2)
    rows = await shop.runtime.database.read(lambda tx: list(tx.execute(publishing.dirty_cards.select())))
    assert {row.serial_number: row.urgency for row in rows}[serials[0]] == BOOKED
