"""Cards: issued in one step, with customer and account, and looked up by the till."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from walletd.db.cards import cards, programs
from walletd.db.cards.cards import CardInContext
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.db.merchants import merchants
from walletd.domain.cards import changes
from walletd.domain.cards.cards import Card, CardStatus, NewCard
from walletd.domain.cards.programs import Program
from walletd.domain.cards.rotating_codes import read_code
from walletd.domain.customers.customers import CardHolder, Customer, LoyaltyStatus, check_new_customer, holder_of
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import (
    CardIsDeleted,
    CardIsRevoked,
    CardKeyReplaced,
    CardKeyTaken,
    LoyaltySuspended,
    NotFound,
    WalletdError,
)
from walletd.domain.identifiers import KeyState, is_card_key, new_id
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.bookings.operations import opening
from walletd.domain.ledger.bookings.postings import post
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.card_views import CardView
from walletd.domain.ledger.documents import card_document
from walletd.domain.ledger.entries import Transaction
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.validation import check_name, check_note, invalid
from walletd.services.cards.new_cards import new_account, new_card
from walletd.services.changes.recorder import record
from walletd.services.customers.customers import check_goes_on, insert_customer
from walletd.services.delivery.card_status import follow_phones
from walletd.services.delivery.links import Links
from walletd.services.idempotency import Answer, Protected, check_key, encode, once
from walletd.services.ledger.balances import open_books
from walletd.services.ledger.bookings.outcomes import store_books
from walletd.services.runtime import Runtime

_StatusChange = changes.CardRevoked | changes.CardReinstated | changes.CardDeleted
_NOBODYS: Final[Mapping[CardStatus, type[WalletdError]]] = {
    CardStatus.DELETED: CardIsDeleted,
    CardStatus.REVOKED: CardIsRevoked,
}
"""Statuses of cards whose account no further card may share."""
_STORED: Final[Mapping[type[_StatusChange], Callable[[Tx, str], bool]]] = {
    changes.CardRevoked: cards.revoke,
    changes.CardReinstated: cards.reinstate,
    changes.CardDeleted: cards.delete,
}


class Cards:
    """Use cases about cards."""

    def __init__(self, runtime: Runtime, links: Links) -> None:
        self._runtime = runtime
        self._links = links

    async def issue(self, by: Principal, new: NewCard, idempotency_key: str | None) -> Answer:
        """Issue a card; with a key, a repeated request gives the same card again.

        Raises NotFound, ValidationFailed, CardKeyTaken, CustomerNumberTaken and the errors of idempotency keys.
        """
        checked, now = _checked(new), self._runtime.clock()

        def work(tx: Tx) -> tuple[str, Mapping[str, object]]:
            view = self._issue(tx, by, checked, now)
            return view.card.serial_number, card_document(view)

        def write(tx: Tx) -> Answer | WalletdError:
            if idempotency_key is None:
                return Answer(201, encode(work(tx)[1]), replayed=False)
            # The answer holds the add link: sealed, so that a stolen database adds nobody's card to a phone.
            protected = Protected(by, "cards", check_key(idempotency_key), checked.asked(), self._runtime.vault)
            return once(tx, protected, now, lambda: work(tx))

        answer = await self._runtime.database.write(write)
        if isinstance(answer, WalletdError):
            raise answer
        return answer

    async def get(self, by: Principal, serial_number: str) -> CardView:
        """Return a card by its serial number; raises NotFound."""
        now = self._runtime.clock()

        def read(tx: Tx) -> CardView:
            found = cards.find(tx, by.merchant_id, serial_number)
            if found is None:
                raise NotFound("There is no card with this serial number.")
            return self._view(tx, found, now)

        return await self._runtime.database.read(read)

    async def by_key(self, by: Principal, key: str) -> CardView:
        """Return the card that a key leads to, for a till.

        Raises NotFound, CardKeyReplaced, LoyaltySuspended, RotatingCodeRefused.
        """
        now = self._runtime.clock()

        def read(tx: Tx) -> CardView:
            found = _living(self._named(tx, by, key, now))
            if found.customer.loyalty_status != LoyaltyStatus.ACTIVE:
                raise LoyaltySuspended
            return self._view(tx, found, now)

        return await self._runtime.database.read(read)

    async def list(self, by: Principal, request: PageRequest) -> Page[CardView]:
        """Return a page of cards; raises CursorInvalid, ValidationFailed."""
        now = self._runtime.clock()

        def read(tx: Tx) -> Page[CardView]:
            page = cards.page(tx, by.merchant_id, request)
            books = open_books(tx, {item.account.id: item.account for item in page.items}.values(), now)
            views = (self._shown(item, books[item.account.id]) for item in page.items)
            return Page(tuple(views), page.next_cursor)

        return await self._runtime.database.read(read)

    async def revoke(self, by: Principal, serial_number: str, reason: str) -> CardView:
        """Revoke a card: nothing is booked on it any more, its pass is void. Raises NotFound, CardIsDeleted."""
        return await self._change_status(by, serial_number, changes.CardRevoked, reason)

    async def reinstate(self, by: Principal, serial_number: str, reason: str) -> CardView:
        """Give a revoked card the state back that it had; raises NotFound, CardIsDeleted."""
        return await self._change_status(by, serial_number, changes.CardReinstated, reason)

    async def delete(self, by: Principal, serial_number: str, reason: str) -> CardView:
        """Delete a card for good: nothing is booked by it again, its pass is void; again, it changes nothing.

        On the phone it stays until its holder removes it. Raises NotFound, CardMerged.
        """
        return await self._change_status(by, serial_number, changes.CardDeleted, reason)

    async def _change_status(
        self, by: Principal, serial_number: str, change: type[_StatusChange], reason: str
    ) -> CardView:
        check_note(reason, "/reason")
        now = self._runtime.clock()

        def write(tx: Tx) -> CardView:
            found = cards.find(tx, by.merchant_id, serial_number)
            if found is None:
                raise NotFound("There is no card with this serial number.")
            if change is changes.CardDeleted and found.card.merged_into is not None:
                raise CardMerged(serial_number=found.card.merged_into)
            if change is not changes.CardDeleted and found.card.status == CardStatus.DELETED:
                raise CardIsDeleted
            changed = _STORED[change](tx, serial_number)
            if changed and change is changes.CardReinstated:
                follow_phones(tx, serial_number)
            if changed:
                record(tx, by, now, change(found.card, reason))
            after = cards.find(tx, by.merchant_id, serial_number) or found
            return self._view(tx, after, now)

        return await self._runtime.database.write(write)

    def _named(self, tx: Tx, by: Principal, key: str, now: datetime) -> tuple[CardInContext, KeyState] | None:
        """Return the card that a key leads to, or a rotating code; a look uses no code up."""
        found, code = cards.find_by_key(tx, by.merchant_id, key), read_code(key)
        if found is not None or code is None:
            return found
        found = cards.find_by_key(tx, by.merchant_id, code.key)
        if found is not None:
            code.check(self._runtime.vault.rotating_secret(by.merchant_id, found[0].card.serial_number), now)
        return found

    def _view(self, tx: Tx, found: CardInContext, now: datetime) -> CardView:
        return self._shown(found, open_books(tx, [found.account], now)[found.account.id])

    def _shown(self, found: CardInContext, book: AccountBook) -> CardView:
        return self._view_of(found.card, found.program, found.customer, book)

    def _view_of(self, card: Card, program: Program, holder: CardHolder, book: AccountBook) -> CardView:
        return CardView(card, program, holder, book.state, book.balances(), *self._links.urls(card))

    def _issue(self, tx: Tx, by: Principal, new: NewCard, now: datetime) -> CardView:
        program = programs.find(tx, by.merchant_id, new.program_id)
        if program is None:
            raise NotFound(f"There is no program {new.program_id}.")
        if new.key is not None:
            merchants.lock(tx, by.merchant_id)
            if cards.key_is_taken(tx, by.merchant_id, new.key):
                raise CardKeyTaken(f"The key {new.key} is taken.")
        shared = self._main_card(tx, by, new, program)
        if shared is None:
            customer = _customer_of(tx, by, new, now)
            holder, account = holder_of(customer), new_account(program, customer, now)
            accounts.insert(tx, [account])
        else:
            holder, account = shared.customer, shared.account
        card = new_card(account, new.key, new.holder_name, now)
        cards.insert(tx, [card])
        if shared is None:
            account = _open_balance(tx, by, card, program, account)
        record(tx, by, now, changes.CardIssued(card))
        return self._view_of(card, program, holder, open_books(tx, [account], now)[account.id])

    def _main_card(self, tx: Tx, by: Principal, new: NewCard, program: Program) -> CardInContext | None:
        """Return the card whose account a second card shares, or None; it must be one of the same program."""
        if new.account_of is None:
            return None
        found = cards.find(tx, by.merchant_id, new.account_of)
        if found is None:
            raise NotFound("There is no card with the serial number in account_of.")
        if found.card.merged_into is not None:
            raise CardMerged(serial_number=found.card.merged_into)
        if found.card.status in _NOBODYS:
            raise _NOBODYS[found.card.status]
        # Locked and read whole: an erasing or a merge that ran beside the look at the card is seen here.
        owner = customers.find(tx, by.merchant_id, found.customer.id, lock=True)
        if owner is not None:
            check_goes_on(owner)
        if found.program.id != program.id:
            raise invalid("/account_of", "must be a card of the same program")
        if new.customer_id not in {None, found.customer.id} or new.customer is not None:
            raise invalid("/account_of", "goes without a customer: a second card belongs to the main card's customer")
        return found


def _checked(new: NewCard) -> NewCard:
    if new.account_of is None and (new.customer_id is None) == (new.customer is None):
        raise invalid("/customer", "or customer_id is needed, and not both")
    if new.key is not None and not is_card_key(new.key):
        raise invalid("/key", "must be 1 to 64 printable ASCII characters")
    return replace(
        new,
        customer=None if new.customer is None else check_new_customer(new.customer, "/customer"),
        holder_name=None if new.holder_name is None else check_name(new.holder_name, "/holder_name"),
    )


def _living(found: tuple[CardInContext, KeyState] | None) -> CardInContext:
    """Return the card of a living key; a replaced key is refused without naming the new one (B17)."""
    if found is None:
        raise NotFound("There is no card with this key.")
    if found[1] == KeyState.RETIRED:
        raise CardKeyReplaced
    return found[0]


def _customer_of(tx: Tx, by: Principal, new: NewCard, now: datetime) -> Customer:
    if new.customer is not None:
        return insert_customer(tx, by, new.customer, now)
    found = customers.find(tx, by.merchant_id, new.customer_id or "", lock=True)
    if found is None:
        raise NotFound(f"There is no customer {new.customer_id}.")
    check_goes_on(found)
    return found


def _open_balance(tx: Tx, by: Principal, card: Card, program: Program, account: AccountState) -> AccountState:
    """Book what a new card of this kind starts with."""
    now = card.created_at
    zone = programs.with_zones(tx, [program.id])[program.id][1]
    movement = opening(program, now, ZoneInfo(zone))
    if movement is None:
        return account
    book = AccountBook(account, (), now, partial(new_id, "ent", now))
    transaction = Transaction(new_id("txn", now), by.merchant_id, account.id, card.serial_number, "opening", by.id, now)
    post(book, transaction, movement)
    store_books(tx, [book])
    return book.state
