"""Bookings: one transaction writes the entry, the idempotency record and the audit row, and marks the cards dirty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Final

from walletd.db import accounts, audit, cards, ledger, publishing
from walletd.db.base import Tx
from walletd.db.cards import CardInContext
from walletd.db.ledger import TransactionRow
from walletd.domain.balances import AccountState
from walletd.domain.cards import check_may_book
from walletd.domain.documents import transaction_document
from walletd.domain.errors import CardKeyReplaced, IdempotencyKeyMissing, LedgerUnproved, NotFound, WalletdError
from walletd.domain.identifiers import is_serial_number, new_id
from walletd.domain.ledger import GENESIS_HASH, Booking, Entry, append, check_next, decide
from walletd.domain.principals import Principal
from walletd.domain.programs import invalid
from walletd.services.idempotency import Answer, Protected, check_key, encode, once
from walletd.services.runtime import Runtime
from walletd.telemetry import BOOKINGS

_TEXT_LONGEST: Final = 200
_ACCOUNTS_AT_ONCE: Final = 200
_ENTRIES_AT_ONCE: Final = 2000


class Ledger:
    """Use cases about the books."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def book(self, by: Principal, booking: Booking, idempotency_key: str | None) -> Answer:
        """Book a transaction, once per key; the answer of an earlier request with the key is repeated.

        Raises NotFound, ValidationFailed, AmountInvalid, OperationNotAllowed, InsufficientBalance, BalanceLimit,
        CardRevoked, CardDeleted, CardKeyReplaced, LoyaltySuspended, RedemptionBlocked and the errors of keys.
        """
        if idempotency_key is None:
            raise IdempotencyKeyMissing
        _check_texts(booking)
        protected = Protected(by, "transactions", check_key(idempotency_key), asdict(booking))
        now = self._runtime.clock()

        def write(tx: Tx) -> Answer | WalletdError:
            return once(tx, protected, now, lambda: self._book(tx, by, booking, now))

        answer = await self._runtime.database.write(write)
        if isinstance(answer, WalletdError):
            BOOKINGS.labels(booking.type, "refused").inc()
            raise answer
        BOOKINGS.labels(booking.type, "replayed" if answer.replayed else "booked").inc()
        return answer

    async def transaction(self, by: Principal, transaction_id: str) -> bytes:
        """Return a transaction as JSON; raises NotFound."""

        def read(tx: Tx) -> bytes:
            found = ledger.find_transaction(tx, by.merchant_id, transaction_id)
            if found is None:
                raise NotFound(f"There is no transaction {transaction_id}.")
            row, entries = found
            account = accounts.find(tx, by.merchant_id, row.account_id)
            if account is None:
                raise NotFound(f"There is no account {row.account_id}.")
            booking = Booking(row.serial_number, row.type, None, row.purchase_total, row.reference, row.reason)
            document = transaction_document(row.id, row.serial_number, booking, entries, account, row.created_at)
            return encode(document)

        return await self._runtime.database.read(read)

    async def verify(self, progress: Callable[[int], None] = lambda _entries: None) -> tuple[int, int]:
        """Recompute every account from its entries and return how many accounts and entries hold.

        Memory is bounded whatever the size of the books. `progress` is called with the number of entries checked so
        far. Raises LedgerUnproved with the first fault.
        """
        checked_accounts = checked_entries = 0
        last = ""
        while True:
            after = last
            done = await self._runtime.database.read(lambda tx, start=after: _verify_some(tx, start))  # type: ignore[misc]
            if done is None:
                return checked_accounts, checked_entries
            last, some_accounts, some_entries = done
            checked_accounts += some_accounts
            checked_entries += some_entries
            progress(checked_entries)

    def _book(self, tx: Tx, by: Principal, booking: Booking, now: datetime) -> tuple[str, Mapping[str, object]]:
        found = _locate(tx, by.merchant_id, booking.card)
        movement = decide(found.program, booking)
        check_may_book(found.card, found.customer, takes=movement is not None and movement.amount < 0)
        transaction_id, account, entries = new_id("txn", now), found.account, list[Entry]()
        if movement is not None:
            entry, account = append(
                account, movement, entry_id=new_id("ent", now), transaction_id=transaction_id, now=now
            )
            entries.append(entry)
        serial_number = found.card.serial_number
        row = TransactionRow(
            id=transaction_id,
            merchant_id=by.merchant_id,
            serial_number=serial_number,
            account_id=account.id,
            type=booking.type,
            purchase_total=booking.purchase_total,
            reference=booking.reference,
            reason=booking.reason,
            actor=by.key_id,
            created_at=now,
        )
        ledger.insert_transaction(tx, row)
        if entries:
            ledger.append(tx, by.merchant_id, entries[0])
            accounts.store(tx, account)
            serials = publishing.mark_account_dirty(tx, account.id, now)
            tx.after_commit.append(lambda: self._runtime.remembered.forget(serials))
        audit.record(tx, by, now, "transaction.booked", transaction_id, {"type": booking.type})
        document = transaction_document(transaction_id, serial_number, booking, entries, account, now)
        return transaction_id, document


def _check_texts(booking: Booking) -> None:
    for name, value in (("reference", booking.reference), ("reason", booking.reason)):
        if value is not None and (len(value) > _TEXT_LONGEST or not value.isprintable()):
            raise invalid(f"/{name}", f"must be at most {_TEXT_LONGEST} printable characters")


def _locate(tx: Tx, merchant_id: str, card: str) -> CardInContext:
    """Return the card a till names by serial number or key, locked; raises NotFound, CardKeyReplaced."""
    found = cards.find(tx, merchant_id, card, lock=True) if is_serial_number(card) else None
    if found is not None:
        return found
    by_key = cards.find_by_key(tx, merchant_id, card, lock=True)
    if by_key is None:
        raise NotFound("There is no card with this serial number or key.")
    if by_key[1] != "active":
        raise CardKeyReplaced
    return by_key[0]


def _verify_some(tx: Tx, after: str) -> tuple[str, int, int] | None:
    """Prove the next accounts on one snapshot; return the last id and how many accounts and entries were proved."""
    some = accounts.after(tx, after, _ACCOUNTS_AT_ONCE)
    if not some:
        return None
    entries = sum(_verify_account(tx, account) for account in some)
    return some[-1].id, len(some), entries


def _verify_account(tx: Tx, stored: AccountState) -> int:
    proved = replace(stored, balance=0, collected=0, sequence=0, head_hash=GENESIS_HASH)
    while entries := ledger.entries_of(tx, stored.id, proved.sequence, _ENTRIES_AT_ONCE):
        for entry in entries:
            proved = check_next(proved, entry)
    if proved != stored:
        raise LedgerUnproved(
            f"Account {stored.id}: stored are balance {stored.balance} and {stored.sequence} entries,"
            f" its entries give balance {proved.balance} and {proved.sequence} entries.",
            account_id=stored.id,
        )
    return proved.sequence
