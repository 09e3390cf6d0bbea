"""Planning rows: what each would do to customers, cards and balances as they are now; nothing is written.

The dry run, the check before the commit and the booking itself all plan by this, so that none can mean something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum

from walletd.db.cards import batches
from walletd.db.cards.batches import HeldCard
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer, CustomerDetails, LoyaltyStatus
from walletd.domain.customers.matching import email_key
from walletd.domain.exchange.import_consent import imported
from walletd.domain.exchange.import_rows import Finding, FindingLevel, ImportRow, merged
from walletd.domain.exchange.imports import CardAction, CustomerAction
from walletd.domain.ledger.books import AccountBook
from walletd.services.ledger.balances import open_books


@dataclass(frozen=True, slots=True)
class Plan:
    """What a row does."""

    action: CustomerAction
    card: CardAction
    customer: Customer | None
    amount: int | None
    """What is booked on a new card; None where nothing is."""
    findings: tuple[Finding, ...]
    seen: str
    """Digest of what it was planned against."""
    details: CustomerDetails | None = None
    """The customer as the row would have it; None where that is an error."""

    @property
    def actions(self) -> tuple[CustomerAction, CardAction, str | None]:
        """Return what must still be the same when it is done."""
        return self.action, self.card, None if self.customer is None else self.customer.id


@dataclass(slots=True)
class _Present:
    """What is stored about the customers that rows name."""

    by_number: dict[int, Customer] = field(default_factory=dict)
    by_email: dict[str, list[Customer]] = field(default_factory=dict)
    cards: Mapping[str, HeldCard] = field(default_factory=dict)
    books: Mapping[str, AccountBook] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans the rows of one import."""

    merchant_id: str
    program: Program | None
    lenient: bool

    def plan(self, tx: Tx, given_rows: Sequence[ImportRow], now: datetime, *, lock: bool = False) -> list[Plan]:
        """Return a plan for each row; with `lock` the customers stay as read until commit."""
        present = self._present(tx, given_rows, now, lock=lock)
        return [self._plan(present, given) for given in given_rows]

    def _present(self, tx: Tx, given_rows: Sequence[ImportRow], now: datetime, *, lock: bool) -> _Present:
        numbers = {given.number for given in given_rows if given.number is not None}
        emails = {key for given in given_rows if given.number is None and (key := email_key(given.email))}
        found = customers.by_numbers_or_emails(tx, self.merchant_id, numbers, emails, lock=lock)
        present = _Present({customer.number: customer for customer in found})
        for customer in found:
            key = email_key(customer.details.email)
            if key in emails and customer.merged_into is None:
                present.by_email.setdefault(key or "", []).append(customer)
        if self.program is not None:
            present.cards = batches.of_customers(tx, self.program.id, [customer.id for customer in found])
            keys = {given.card_key for given in given_rows if given.card_key is not None}
            present.keys = batches.taken_keys(tx, self.merchant_id, keys)
            states = accounts.by_id(tx, {card.account_id for card in present.cards.values()}, lock=False)
            present.books = open_books(tx, states.values(), now) if states else {}
        return present

    def _plan(self, present: _Present, given: ImportRow) -> Plan:
        customer, findings = _named(present, given)
        details: CustomerDetails | None = None
        if not findings:
            details, findings = merged(given, customer)
        action = CustomerAction.CREATE if customer is None else CustomerAction.KEEP
        if customer is not None and details is not None and changed(customer, details, given) != customer:
            action = CustomerAction.UPDATE
        if self.program is None:
            return Plan(action, CardAction.NONE, customer, None, findings, _digest(customer, None, None), details)
        card = None if customer is None else present.cards.get(customer.id)
        if card is None:
            if given.card_key in present.keys:
                findings += (Finding(FindingLevel.ERROR, "card_key", "belongs to another card, or did"),)
            findings += _about_opening(self.program, given)
            amount = given.amount or None
            return Plan(action, CardAction.ISSUE, customer, amount, findings, _digest(customer, None, None), details)
        book = present.books[card.account_id]
        findings += self._about_card(card, book, given)
        return Plan(action, CardAction.KEEP, customer, None, findings, _digest(customer, card, book), details)

    def _about_card(self, card: HeldCard, book: AccountBook, given: ImportRow) -> tuple[Finding, ...]:
        """Say what does not fit a card that is there: an import opens balances and keys, and corrects none."""
        found = list[Finding]()
        if given.card_key is not None and given.card_key != card.key:
            found.append(Finding(FindingLevel.ERROR, "card_key", "is not the key of the card that the customer has"))
        if given.amount is not None and given.amount != book.balances().total:
            level = FindingLevel.WARNING if self.lenient else FindingLevel.ERROR
            detail = "the customer has a card with another balance; an import opens balances and corrects none"
            found.append(Finding(level, "balance", detail))
        return tuple(found)


def _about_opening(program: Program, given: ImportRow) -> tuple[Finding, ...]:
    amount, most = given.amount or 0, program.number("balance_max")
    if amount < 0:
        return (Finding(FindingLevel.ERROR, "balance", "must not be negative"),)
    if most and amount > most:
        return (Finding(FindingLevel.ERROR, "balance", f"is more than the {most} that an account may hold"),)
    return ()


def changed(customer: Customer, details: CustomerDetails, given: ImportRow) -> Customer:
    """Return the customer with details and flags as the row would have them."""
    flags = given.flags
    loyal = flags.get("loyalty_active")
    return replace(
        customer,
        details=details,
        crm_active=flags.get("crm_active", customer.crm_active),
        redeem_blocked=flags.get("redeem_blocked", customer.redeem_blocked),
        loyalty_status=customer.loyalty_status if loyal is None else LoyaltyStatus.of(active=loyal),
        opt_in=imported(customer.opt_in, given.consent),
    )


def _named(present: _Present, given: ImportRow) -> tuple[Customer | None, tuple[Finding, ...]]:
    """Return the customer that a row means: by number, else by e-mail address (D-50)."""
    if given.number is not None:
        customer = present.by_number.get(given.number)
        if customer is not None and customer.merged_into is not None:
            return customer, (
                Finding(FindingLevel.ERROR, "number", "belongs to a customer who was merged into another one"),
            )
        if customer is not None and customer.erased_at is not None:
            return customer, (Finding(FindingLevel.ERROR, "number", "belongs to a customer who was erased"),)
        return customer, ()
    found = present.by_email.get(email_key(given.email) or "", ())
    if len(found) > 1:
        return None, (Finding(FindingLevel.ERROR, "email", "belongs to several customers; name the customer number"),)
    return next(iter(found), None), ()


def _digest(customer: Customer | None, card: HeldCard | None, book: AccountBook | None) -> str:
    if customer is None:
        return ""
    account = None if book is None else (book.state.id, book.state.sequence, book.state.reserved)
    return digest_of(customer, card, account)


def digest_of(customer: Customer, card: HeldCard | None, account: tuple[str, int, int] | None) -> str:
    """Return what a customer, a card and its account (id, sequence, reserved) are recognised by.

    It is stored with a validated row: an import that a release before this one validated can still be committed.
    """
    # Releases before this one had the number among the details, under another name.
    details = f"details=NewCustomer(number={customer.number!r}, "
    written = _written(customer).replace("details=CustomerDetails(", details, 1)
    text = f"({written}, {_written(card)}, {account!r})"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _written(value: object) -> str:
    """Return a value as Python shows it, states as bare texts."""
    if isinstance(value, StrEnum):
        return repr(value.value)
    if not is_dataclass(value):
        return repr(value)
    parts = (f"{item.name}={_written(getattr(value, item.name))}" for item in fields(value))
    return f"{type(value).__name__}({', '.join(parts)})"
