"""The books: bookings, redemptions and reversals, each exactly once per key; and what time does to accounts."""

from __future__ import annotations

import asyncio
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, entries, redemptions
from walletd.domain.errors import IdempotencyKeyMissing, NotFound, WalletdError
from walletd.domain.ledger.bookings.commands import Advance, Book, Capture, Release, Reserve, Reverse, Work
from walletd.domain.ledger.bookings.operations import check_amount
from walletd.domain.ledger.documents import redemption_document, transaction_document
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import Principal, walletd
from walletd.domain.validation import check_note
from walletd.services.idempotency import Answer, check_key, encode
from walletd.services.ledger.balances import open_books
from walletd.services.ledger.bookings.batches import Batches
from walletd.services.ledger.bookings.commands import Command, protected
from walletd.services.runtime import Runtime
from walletd.telemetry import BOOKINGS, logger

_DUE_AT_ONCE: Final = 200

log = logger(__name__)


class Ledger:
    """Use cases about the books."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._batches = Batches(runtime)

    async def book(self, by: Principal, booking: Booking, idempotency_key: str | None) -> Answer:
        """Book a transaction, once per key; the answer of an earlier request with the key is repeated.

        Raises NotFound, ValidationFailed, AmountInvalid, OperationNotAllowed, InsufficientBalance, BalanceLimit,
        CardIsRevoked, CardIsDeleted, CardKeyReplaced, LoyaltySuspended, RedemptionBlocked, MembershipEnded,
        AccountUnproved and the errors of keys.
        """
        for name in ("reference", "reason", "campaign"):
            check_note(getattr(booking, name), f"/{name}")
        return await self._submit(by, "transactions", idempotency_key, Book(booking), booking.type)

    async def reserve(
        self, by: Principal, card: str, amount: int, reference: str | None, idempotency_key: str | None
    ) -> Answer:
        """Hold an amount of a card's account for exactly 15 minutes.

        Raises NotFound, AmountInvalid, InsufficientBalance, AccountUnproved, and the refusals of cards and keys.
        """
        check_amount(amount, "/amount")
        check_note(reference, "/reference")
        return await self._submit(by, "redemptions", idempotency_key, Reserve(card, amount, reference), "reserve")

    async def capture(self, by: Principal, code: str, amount: int | None, idempotency_key: str | None) -> Answer:
        """Take what a redemption holds, or a part of it; the rest goes back to the account.

        Raises NotFound, HoldExpired, HoldClosed, HoldExceeded, AccountUnproved, and the refusals of cards and keys.
        """
        if amount is not None:
            check_amount(amount, "/amount")
        return await self._submit(by, "captures", idempotency_key, Capture(code, amount), "capture")

    async def release(self, by: Principal, code: str) -> Answer:
        """Give back what a redemption holds; releasing it again says the same.

        Raises NotFound, HoldExpired, HoldClosed.
        """
        return _raised(await self._batches.submit(Command(by, Release(code))))

    async def reverse(self, by: Principal, work: Reverse, idempotency_key: str | None) -> Answer:
        """Take back a transaction or a part of it: value returns where it came from, what is missing becomes debt.

        Raises NotFound, AlreadyReversed, ReversalExceeded, ReversalNotAllowed, ValidationFailed and the errors of keys.
        """
        for name in ("amount", "purchase_total"):
            if getattr(work, name) is not None:
                check_amount(getattr(work, name), f"/{name}")
        check_note(work.reason, "/reason")
        check_note(work.reference, "/reference")
        return await self._submit(by, "reversals", idempotency_key, work, "reverse")

    async def redemption(self, by: Principal, code: str) -> bytes:
        """Return a redemption as it is now, as JSON; raises NotFound."""
        now = self._runtime.clock()

        def read(tx: Tx) -> bytes:
            found = redemptions.find(tx, by.merchant_id, code)
            account = None if found is None else accounts.find(tx, by.merchant_id, found.account_id)
            if found is None or account is None:
                raise NotFound("There is no redemption with this code.")
            book = open_books(tx, [account], now)[account.id]
            return encode(redemption_document(book.redemptions.get(code, found), book.state, book.balances()))

        return await self._runtime.database.read(read)

    async def transaction(self, by: Principal, transaction_id: str) -> bytes:
        """Return a transaction with its entries and its account as it is now, as JSON; raises NotFound."""
        now = self._runtime.clock()

        def read(tx: Tx) -> bytes:
            found = entries.find_transaction(tx, by.merchant_id, transaction_id)
            account = None if found is None else accounts.find(tx, by.merchant_id, found[0].account_id)
            if found is None or account is None:
                raise NotFound(f"There is no transaction {transaction_id}.")
            book = open_books(tx, [account], now)[account.id]
            return encode(transaction_document(*found, book.state, book.balances()))

        return await self._runtime.database.read(read)

    async def advance_due(self) -> int:
        """Book what time did to accounts: expiries, ends of locks, ends of reservations; return to how many.

        Correctness does not wait for this: every booking and every answer advances its account first.
        """
        advanced = 0
        while True:
            now = self._runtime.clock()
            found = await self._runtime.database.read(accounts.due, now, _DUE_AT_ONCE)
            done = await asyncio.gather(*(self._advance(account_id, merchant_id) for account_id, merchant_id in found))
            advanced += sum(done)
            if len(found) < _DUE_AT_ONCE or not any(done):
                return advanced

    async def _advance(self, account_id: str, merchant_id: str) -> bool:
        """Advance one account to now; one that cannot be advanced is logged and holds up no other."""
        by = walletd(merchant_id)
        try:
            _raised(await self._batches.submit(Command(by, Advance(account_id))))
        except WalletdError as error:
            log.error("account_not_advanced", account=account_id, code=error.code, detail=error.detail)  # noqa: TRY400
            return False
        return True

    async def _submit(self, by: Principal, route: str, key: str | None, work: Work, label: str) -> Answer:
        if key is None:
            raise IdempotencyKeyMissing
        command = Command(by, work, protected(by, route, check_key(key), work))
        outcome = await self._batches.submit(command)
        if isinstance(outcome, WalletdError):
            BOOKINGS.labels(label, "refused").inc()
        else:
            BOOKINGS.labels(label, "replayed" if outcome.replayed else "booked").inc()
        return _raised(outcome)


def _raised(outcome: Answer | WalletdError) -> Answer:
    if isinstance(outcome, WalletdError):
        raise outcome
    return outcome
