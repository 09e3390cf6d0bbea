"""Deciding the commands of a batch, one after the other, in memory: refusals leave the desk as it was."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from walletd.db.ledger.entries import Reversed
from walletd.domain.cards.cards import BookableCard, check_may_book
from walletd.domain.cards.programs import Program
from walletd.domain.changes import Change
from walletd.domain.errors import AlreadyReversed, NotFound, ReversalExceeded, ReversalNotAllowed
from walletd.domain.identifiers import new_id, new_redemption_code
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings import Movement, Standing
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
from walletd.domain.ledger.operations import decide as decide_movement
from walletd.domain.ledger.postings import (
    capture,
    post,
    release,
    reserve,
    reverse_credit,
    reverse_debit,
    reverse_debit_of_merged,
)
from walletd.domain.ledger.redemptions import RESERVED, Redemption, check_capture, check_release
from walletd.domain.validation import invalid
from walletd.services.ledger.bookings.commands import Book, Capture, Command, Release, Reserve, Reverse, Settle
from walletd.services.ledger.bookings.loading import Desk, Original

_SALT_BYTES: Final = 16
_IRREVERSIBLE: Final = frozenset({"opening", "tier", "reversal", "expiry", "release", "merge", "merge_undo", "import"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command came to: the id of what it made, the document to answer, and what changed."""

    subject: str
    document: Mapping[str, object]
    change: Change | None
    """None for what time did: the entries themselves say so."""


def decide(desk: Desk, command: Command) -> Decision:
    """Do a command on the desk; raises what it is refused for, before anything on the desk is changed."""
    work = command.work
    match work:
        case Book():
            return _book(desk, command, work)
        case Reserve():
            return _reserve(desk, command, work)
        case Capture():
            return _capture(desk, command, work)
        case Release():
            return _release(desk, command, work)
        case Reverse():
            return _reverse(desk, command, work)
        case _:
            return _settle(desk, work)


def _book(desk: Desk, command: Command, work: Book) -> Decision:
    booking = work.booking
    card = desk.card(command.by.merchant_id, booking.card)
    book = desk.books[card.account_id]
    program, zone = desk.program_of(book)
    movement = decide_movement(program, booking, _standing(book), desk.now, zone)
    check_may_book(card, takes=movement.takes)
    code = desk.unspent(command.by.merchant_id, booking.card, card.serial_number)
    transaction = _transaction(
        desk,
        command,
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
    desk.spend(code)
    document = transaction_document(transaction, [entry], book.state, book.balances())
    return Decision(transaction.id, document, TransactionBooked(transaction.id, booking.type))


def _reserve(desk: Desk, command: Command, work: Reserve) -> Decision:
    card = desk.card(command.by.merchant_id, work.card)
    check_may_book(card, takes=True)
    code = desk.unspent(command.by.merchant_id, work.card, card.serial_number)
    book = desk.books[card.account_id]
    redemption = reserve(
        book,
        Redemption(
            code=new_redemption_code(),
            merchant_id=command.by.merchant_id,
            account_id=card.account_id,
            serial_number=card.serial_number,
            amount=work.amount,
            state=RESERVED,
            allocations=(),
            reference=work.reference,
            created_at=desk.now,
        ),
    )
    desk.spend(code)
    document = redemption_document(redemption, book.state, book.balances())
    return Decision(redemption.code, document, RedemptionReserved(redemption.code, redemption.amount))


def _capture(desk: Desk, command: Command, work: Capture) -> Decision:
    book, redemption = desk.redemption(command.by.merchant_id, work.code)
    amount = redemption.amount if work.amount is None else work.amount
    check_capture(redemption, amount, desk.now)
    check_may_book(desk.card(command.by.merchant_id, redemption.serial_number), takes=True)
    program, _ = desk.program_of(book)
    transaction = _transaction(desk, command, redemption, "redemption", reference=redemption.reference)
    movement = Movement("redeem", -amount, "stored_value" if program.kind == "gift" else "redeemed")
    entry = capture(book, redemption, transaction, movement)
    captured = book.redemptions[redemption.code]
    document = redemption_document(captured, book.state, book.balances(), [(entry, transaction)])
    return Decision(transaction.id, document, RedemptionCaptured(transaction.id, amount))


def _release(desk: Desk, command: Command, work: Release) -> Decision:
    book, redemption = desk.redemption(command.by.merchant_id, work.code)
    if redemption.state != "released":
        check_release(redemption, desk.now)
        transaction = _transaction(desk, command, redemption, "release", reference=redemption.reference)
        release(book, redemption, transaction)
    released = book.redemptions[redemption.code]
    document = redemption_document(released, book.state, book.balances())
    return Decision(redemption.code, document, RedemptionReleased(redemption.code, redemption.amount))


def _reverse(desk: Desk, command: Command, work: Reverse) -> Decision:
    original = desk.original(command.by.merchant_id, work.transaction_id)
    entry = original.entry
    if entry is None or original.transaction.type in _IRREVERSIBLE:
        raise ReversalNotAllowed(f"A transaction of type {original.transaction.type} cannot be reversed.")
    if original.transaction.purchase_total is not None and original.transaction.terms is None:
        raise ReversalNotAllowed("This purchase is older than the books know terms; debit what it earned by hand.")
    book = desk.book_of(entry.account_id)
    part, movement = _to_reverse(book, original, entry, work)
    transaction = _transaction(
        desk,
        command,
        replace(original.transaction, account_id=book.state.id),
        "reversal",
        purchase_total=part.purchase_total or None,
        corrects=original.transaction.id,
        reference=work.reference,
        reason=work.reason,
    )
    grace = timedelta(days=desk.program_of(book)[0].number("grace_days"))
    if entry.amount >= 0:
        reversal = reverse_credit(book, transaction, entry, movement, desk.moved_lots.get(entry.id, entry.id))
    elif book.state.id == entry.account_id:
        reversal = reverse_debit(book, transaction, entry, original.consumptions, part.amount, grace)
    else:
        until = _end_of_returned(desk, original, entry, grace)
        reversal = reverse_debit_of_merged(book, transaction, entry, part.amount, until)
    desk.originals[original.transaction.id] = original.after(part, book.appended[-1].consumptions)
    document = transaction_document(transaction, [reversal], book.state, book.balances())
    reversed_now = TransactionReversed(transaction.id, original.transaction.id)
    return Decision(transaction.id, document, reversed_now)


def _end_of_returned(desk: Desk, original: Original, entry: Entry, grace: timedelta) -> datetime | None:
    """Return until when that is valid what comes back to another account than it went from: as the last of its lots."""
    lots = desk.books[entry.account_id].lots
    ends = [lots[part.lot_id].valid_until for part in original.consumptions]
    if not ends or None in ends:
        return None
    return max(desk.now + grace, *(end for end in ends if end is not None))


def _settle(desk: Desk, work: Settle) -> Decision:
    account_id = work.account_id
    if account_id not in desk.books:
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
    desk: Desk, command: Command, of: BookableCard | Redemption | Transaction, kind: str, **details: Any
) -> Transaction:
    """Return a new transaction on the card and account of something; texts get a salt, see `Transaction.content`."""
    has_texts = any(details.get(name) is not None for name in ("reference", "reason", "campaign"))
    return Transaction(
        id=new_id("txn", desk.now),
        merchant_id=command.by.merchant_id,
        account_id=of.account_id,
        serial_number=of.serial_number,
        type=kind,
        actor=command.by.id,
        created_at=desk.now,
        note_salt=secrets.token_hex(_SALT_BYTES) if has_texts else None,
        **details,
    )


def _standing(book: AccountBook) -> Standing:
    state, figures = book.state, book.balances()
    return Standing(
        total=figures.total,
        redeemable=figures.redeemable,
        turnover=state.turnover,
        carry=state.carry,
        tier=state.tier,
        member_until=state.member_until,
    )


def _limit(program: Program) -> int:
    return program.number("balance_max") or AMOUNT_MAX
