"""Decisions: what each command of a batch appends to the books, one after the other; a refusal changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from walletd.domain.cards.cards import BookableCard, check_may_book
from walletd.domain.cards.programs import Program
from walletd.domain.changes import Change
from walletd.domain.errors import AlreadyReversed, NotFound, ReversalExceeded, ReversalNotAllowed
from walletd.domain.identifiers import new_id, new_redemption_code
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings.batches import BatchContext
from walletd.domain.ledger.bookings.commands import Advance, Book, Capture, Release, Reserve, Reverse, Work
from walletd.domain.ledger.bookings.operations import decide as decide_movement
from walletd.domain.ledger.bookings.postings import (
    capture,
    post,
    release,
    reserve,
    reverse_credit,
    reverse_debit,
    reverse_debit_of_merged,
)
from walletd.domain.ledger.bookings.reversals import Original, Reversed
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.changes import (
    RedemptionCaptured,
    RedemptionReleased,
    RedemptionReserved,
    TransactionBooked,
    TransactionReversed,
)
from walletd.domain.ledger.documents import redemption_document, transaction_document
from walletd.domain.ledger.earning import give_back
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.ledger.movements import AccountStatus, Movement
from walletd.domain.ledger.redemptions import Redemption, RedemptionState, check_capture, check_release
from walletd.domain.merchants.principals import Principal
from walletd.domain.validation import invalid

_SALT_BYTES: Final = 16
_IRREVERSIBLE: Final = frozenset({"opening", "tier", "reversal", "expiry", "release", "merge", "merge_undo", "import"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command came to: the id of what it made, the document to answer, and what changed."""

    subject: str
    document: Mapping[str, object]
    change: Change | None
    """None for what time did: the entries themselves say so."""


def decide(context: BatchContext, by: Principal, work: Work) -> Decision:
    """Do a command on the books of its batch; raises what it is refused for, before anything of them is changed."""
    match work:
        case Book():
            return _book(context, by, work)
        case Reserve():
            return _reserve(context, by, work)
        case Capture():
            return _capture(context, by, work)
        case Release():
            return _release(context, by, work)
        case Reverse():
            return _reverse(context, by, work)
        case _:
            return _advance(context, work)


def _book(context: BatchContext, by: Principal, work: Book) -> Decision:
    booking = work.booking
    card = context.card(by.merchant_id, booking.card)
    book = context.books[card.account_id]
    program, zone = context.program_of(book)
    movement = decide_movement(program, booking, _account_status(book), context.now, zone)
    check_may_book(card, takes=movement.takes)
    code = context.unspent(by.merchant_id, booking.card, card.serial_number)
    transaction = _transaction(
        context,
        by,
        card,
        booking.type,
        purchase_total=booking.purchase_total,
        terms=movement.terms,
        reference=booking.reference,
        reason=booking.reason,
        campaign=booking.campaign,
    )
    unallocated = movement.kind == "manual_debit" and program.text("manual_debit") == "unallocated"
    entry = post(book, transaction, movement, limit=_limit(program), fefo=not unallocated)
    context.spend(code)
    document = transaction_document(transaction, [entry], book.state, book.balances())
    return Decision(transaction.id, document, TransactionBooked(transaction.id, booking.type))


def _reserve(context: BatchContext, by: Principal, work: Reserve) -> Decision:
    card = context.card(by.merchant_id, work.card)
    check_may_book(card, takes=True)
    code = context.unspent(by.merchant_id, work.card, card.serial_number)
    book = context.books[card.account_id]
    redemption = reserve(
        book,
        Redemption(
            code=new_redemption_code(),
            merchant_id=by.merchant_id,
            account_id=card.account_id,
            serial_number=card.serial_number,
            amount=work.amount,
            state=RedemptionState.RESERVED,
            allocations=(),
            reference=work.reference,
            created_at=context.now,
        ),
    )
    context.spend(code)
    document = redemption_document(redemption, book.state, book.balances())
    return Decision(redemption.code, document, RedemptionReserved(redemption.code, redemption.amount))


def _capture(context: BatchContext, by: Principal, work: Capture) -> Decision:
    book, redemption = context.redemption(by.merchant_id, work.code)
    amount = redemption.amount if work.amount is None else work.amount
    check_capture(redemption, amount, context.now)
    check_may_book(context.card(by.merchant_id, redemption.serial_number), takes=True)
    program, _ = context.program_of(book)
    transaction = _transaction(context, by, redemption, "redemption", reference=redemption.reference)
    movement = Movement("redeem", -amount, "stored_value" if program.kind == "gift" else "redeemed")
    entry = capture(book, redemption, transaction, movement)
    captured = book.redemptions[redemption.code]
    document = redemption_document(captured, book.state, book.balances(), [(entry, transaction)])
    return Decision(transaction.id, document, RedemptionCaptured(transaction.id, amount))


def _release(context: BatchContext, by: Principal, work: Release) -> Decision:
    book, redemption = context.redemption(by.merchant_id, work.code)
    if redemption.state != "released":
        check_release(redemption, context.now)
        transaction = _transaction(context, by, redemption, "release", reference=redemption.reference)
        release(book, redemption, transaction)
    released = book.redemptions[redemption.code]
    document = redemption_document(released, book.state, book.balances())
    return Decision(redemption.code, document, RedemptionReleased(redemption.code, redemption.amount))


def _reverse(context: BatchContext, by: Principal, work: Reverse) -> Decision:
    original = context.original(by.merchant_id, work.transaction_id)
    entry = original.entry
    if entry is None or original.transaction.type in _IRREVERSIBLE:
        raise ReversalNotAllowed(f"A transaction of type {original.transaction.type} cannot be reversed.")
    if original.transaction.purchase_total is not None and original.transaction.terms is None:
        raise ReversalNotAllowed("This purchase is older than the books know terms; debit what it earned by hand.")
    book = context.book_of(entry.account_id)
    part, movement = _to_reverse(book, original, entry, work)
    transaction = _transaction(
        context,
        by,
        replace(original.transaction, account_id=book.state.id),
        "reversal",
        purchase_total=part.purchase_total or None,
        corrects=original.transaction.id,
        reference=work.reference,
        reason=work.reason,
    )
    grace = timedelta(days=context.program_of(book)[0].number("grace_days"))
    if entry.amount >= 0:
        reversal = reverse_credit(book, transaction, entry, movement, context.moved_lots.get(entry.id, entry.id))
    elif book.state.id == entry.account_id:
        reversal = reverse_debit(book, transaction, entry, original.consumptions, part.amount, grace)
    else:
        until = _end_of_returned(context, original, entry, grace)
        reversal = reverse_debit_of_merged(book, transaction, entry, part.amount, until)
    context.originals[original.transaction.id] = original.after(part, book.appended[-1].consumptions)
    document = transaction_document(transaction, [reversal], book.state, book.balances())
    reversed_now = TransactionReversed(transaction.id, original.transaction.id)
    return Decision(transaction.id, document, reversed_now)


def _end_of_returned(context: BatchContext, original: Original, entry: Entry, grace: timedelta) -> datetime | None:
    """Return until when that is valid what comes back to another account than it went from: as the last of its lots."""
    lots = context.books[entry.account_id].lots
    ends = [lots[part.lot_id].valid_until for part in original.consumptions]
    if not ends or None in ends:
        return None
    return max(context.now + grace, *(end for end in ends if end is not None))


def _advance(context: BatchContext, work: Advance) -> Decision:
    account_id = work.account_id
    if account_id not in context.books:
        raise NotFound(f"There is no account {account_id}.")
    return Decision(account_id, {}, None)


def _to_reverse(book: AccountBook, original: Original, entry: Entry, work: Reverse) -> tuple[Reversed, Movement]:
    """Return the part that is taken back of a transaction and its purchase, and what that moves."""
    before, total = original.reversed, original.transaction.purchase_total
    if total is None:
        if work.purchase_total is not None:
            raise invalid("/purchase_total", "belongs to the reversal of a purchase")
        amount = _part(work.amount, abs(entry.amount), before.amount, "/amount")
        return Reversed(0, amount), Movement("reversal", -amount, entry.merchant_account, carry=book.state.carry)
    if work.amount is not None:
        raise invalid("/amount", "is worked out from purchase_total for a purchase; leave it out")
    part = _part(work.purchase_total, total, before.purchase_total, "/purchase_total")
    amount, carry = give_back(original.transaction.terms or "", total, before.purchase_total, part, book.state.carry)
    movement = Movement("reversal", -amount, entry.merchant_account, turnover=-part, carry=carry)
    return Reversed(part, amount), movement


def _part(asked: int | None, whole: int, before: int, pointer: str) -> int:
    left = whole - before
    if left <= 0:
        raise AlreadyReversed
    part = left if asked is None else asked
    if part > left:
        raise ReversalExceeded(
            f"{left} of {whole} can still be taken back, {part} were asked for.",
            errors=[{"pointer": pointer, "detail": f"must be at most {left}"}],
        )
    return part


def _transaction(
    context: BatchContext, by: Principal, of: BookableCard | Redemption | Transaction, kind: str, **details: Any
) -> Transaction:
    """Return a new transaction on the card and account of something; texts get a salt, see `Transaction.content`."""
    has_texts = any(details.get(name) is not None for name in ("reference", "reason", "campaign"))
    return Transaction(
        id=new_id("txn", context.now),
        merchant_id=by.merchant_id,
        account_id=of.account_id,
        serial_number=of.serial_number,
        type=kind,
        actor=by.id,
        created_at=context.now,
        note_salt=secrets.token_hex(_SALT_BYTES) if has_texts else None,
        **details,
    )


def _account_status(book: AccountBook) -> AccountStatus:
    state, figures = book.state, book.balances()
    return AccountStatus(
        total=figures.total,
        redeemable=figures.redeemable,
        turnover=state.turnover,
        carry=state.carry,
        tier=state.tier,
        member_until=state.member_until,
    )


def _limit(program: Program) -> int:
    return program.number("balance_max") or AMOUNT_MAX
