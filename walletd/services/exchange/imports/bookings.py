"""Booking rows: one batch is one transaction, stored set by set; what it books stands under keys of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial
from typing import Final

from walletd.db.cards import cards
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.engine.bulk import together
from walletd.db.exchange import imports
from walletd.db.ledger import accounts
from walletd.db.merchants import idempotency, merchants
from walletd.db.merchants.idempotency import IdempotencyRow
from walletd.domain.cards.cards import Card
from walletd.domain.cards.kinds import DESCRIPTIONS
from walletd.domain.cards.programs import Program
from walletd.domain.changes import Change
from walletd.domain.customers.consent import NOT_ASKED
from walletd.domain.customers.customers import Customer, CustomerDetails, LoyaltyStatus
from walletd.domain.delivery.publishing import MANY
from walletd.domain.exchange.changes import CardImported, CustomerImported
from walletd.domain.exchange.import_consent import imported
from walletd.domain.exchange.import_rows import FindingLevel, ImportRow, movement_of
from walletd.domain.exchange.imports import CardAction, CheckedRow, CustomerAction, ImportHead
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.bookings.operations import opening
from walletd.domain.ledger.bookings.postings import post
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.changes import AccountChanged
from walletd.domain.ledger.entries import Transaction, request_hash
from walletd.domain.merchants.principals import Principal
from walletd.services.cards.new_cards import new_account, new_card
from walletd.services.changes.recorder import record_all
from walletd.services.exchange.imports.plans import Plan, Planner, changed
from walletd.services.ledger.bookings.outcomes import store_appended
from walletd.services.runtime import Runtime

_CREATED: Final = 201


@dataclass(slots=True)
class _Batch:
    """What a batch writes."""

    created: list[Customer] = field(default_factory=list)
    updated: list[Customer] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    books: list[AccountBook] = field(default_factory=list)
    keys: list[IdempotencyRow] = field(default_factory=list)
    imported: list[CustomerImported] = field(default_factory=list)
    rows: list[CheckedRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RowBooker:
    """Books the rows of one import."""

    runtime: Runtime
    head: ImportHead
    program: Program | None
    zone: tzinfo
    now: datetime

    @property
    def by(self) -> Principal:
        """Return who asked for the import."""
        return Principal(self.head.merchant_id, self.head.actor_kind, self.head.actor, "import")

    def book(self, tx: Tx, rows: Sequence[CheckedRow]) -> int:
        """Do what rows were validated for; return how many were left out as something stands against them now."""
        merchants.lock(tx, self.head.merchant_id)
        asked = [ImportRow.from_json(row.content) for row in rows]
        plans = Planner(self.head.merchant_id, self.program, self.head.lenient).plan(tx, asked, self.now, lock=True)
        nameless = sum(
            plan.action == CustomerAction.CREATE and given.number is None
            for plan, given in zip(plans, asked, strict=True)
        )
        numbers = iter(merchants.take_customer_numbers(tx, self.head.merchant_id, nameless) if nameless else ())
        batch = _Batch()
        for row, given, plan in zip(rows, asked, plans, strict=True):
            self._take(batch, row, given, plan, numbers)
        self._store(tx, batch)
        return sum(row.outcome is not None for row in batch.rows)

    def _take(self, batch: _Batch, row: CheckedRow, given: ImportRow, plan: Plan, numbers: Iterator[int]) -> None:
        errors = [finding.detail for finding in plan.findings if finding.level == FindingLevel.ERROR]
        details = plan.details
        if errors or details is None or plan.actions != (row.action, row.card, row.customer_id):
            reason = errors[0] if errors else "customer or card changed while the import was being booked"
            batch.rows.append(replace(row, outcome=reason))
            return
        customer = plan.customer
        if customer is None:
            number = given.number if given.number is not None else next(numbers)
            customer = self._new_customer(given, details, number)
            batch.created.append(customer)
        elif plan.action == CustomerAction.UPDATE:
            customer = changed(customer, details, given)
            batch.updated.append(customer)
        details_of_row: dict[str, object] = {"import_id": self.head.id, "line": row.line}
        # Named in the row, so that erasing the customer finds what the file said.
        done = replace(row, customer_id=customer.id)
        if plan.card == CardAction.ISSUE and self.program is not None:
            done = self._issue(batch, done, given, customer, self.program)
            details_of_row["serial_number"] = done.serial_number
        if plan.action != CustomerAction.KEEP or done.serial_number is not None:
            batch.imported.append(CustomerImported(customer.id, details_of_row, plan.action == CustomerAction.UPDATE))
        batch.rows.append(done)

    def _new_customer(self, given: ImportRow, details: CustomerDetails, number: int) -> Customer:
        flags = given.flags
        return Customer(
            id=new_id("cus", self.now),
            merchant_id=self.head.merchant_id,
            number=number,
            details=details,
            crm_active=flags.get("crm_active", True),
            loyalty_status=LoyaltyStatus.of(active=flags.get("loyalty_active", True)),
            redeem_blocked=flags.get("redeem_blocked", False),
            created_at=self.now if given.created_at is None else given.created_at,
            opt_in=imported(NOT_ASKED, given.consent),
        )

    def _issue(
        self, batch: _Batch, row: CheckedRow, given: ImportRow, customer: Customer, program: Program
    ) -> CheckedRow:
        """Issue a card and book the balance of the row on it; a kind that takes none starts as in the shop."""
        now = self.now
        account = new_account(program, customer, now)
        card = new_card(account, given.card_key, None, now)
        book = AccountBook(account, (), now, partial(new_id, "ent", now))
        start = opening(program, now, self.zone) if DESCRIPTIONS[program.kind].imported == "ignored" else None
        if start is not None:
            post(book, self._transaction(card, "opening"), start)
        moved = None if row.amount is None else movement_of(program, row.amount, now, self.zone)
        booked: Transaction | None = None
        if moved is not None:
            booked = self._transaction(card, "import")
            post(book, booked, moved)
            batch.keys.append(self._key(row, given, booked))
        batch.cards.append(card)
        batch.books.append(book)
        return replace(row, serial_number=card.serial_number, transaction_id=None if booked is None else booked.id)

    def _transaction(self, card: Card, kind: str) -> Transaction:
        is_import = kind == "import"
        return Transaction(
            new_id("txn", self.now),
            self.head.merchant_id,
            card.account_id,
            card.serial_number,
            kind,
            self.head.actor,
            self.now,
            reference=self.head.id if is_import else None,
            note_salt=secrets.token_hex(16) if is_import else None,
        )

    def _key(self, row: CheckedRow, given: ImportRow, booked: Transaction) -> IdempotencyRow:
        return IdempotencyRow(
            merchant_id=self.head.merchant_id,
            owner=self.head.actor,
            route="imports",
            key=f"{self.head.id}:{row.line}",
            request_hash=request_hash(given.to_json()),
            status=_CREATED,
            subject=booked.id,
            body=None,
            created_at=self.now,
        )

    def _store(self, tx: Tx, batch: _Batch) -> None:
        with together(tx):
            customers.insert(tx, batch.created)
            customers.change(tx, batch.updated)
            accounts.insert(tx, [book.state for book in batch.books])
            cards.insert(tx, batch.cards)
            store_appended(tx, batch.books)
            idempotency.insert_keys(tx, batch.keys)
            imports.store_outcomes(tx, self.head.id, batch.rows)
        changes: list[Change] = [*batch.imported, *(CardImported(card) for card in batch.cards)]
        changes += [AccountChanged(book.state, MANY) for book in batch.books if book.is_changed]
        record_all(tx, self.now, [(self.by, change) for change in changes])
