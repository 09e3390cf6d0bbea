"""Deciding the commands of a batch, one after the other, in memory: refusals leave the desk as it was."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from walletd.domain.balances import AMOUNT_MAX
from walletd.domain.bookings import Movement, Standing
from walletd.domain.books import AccountBook
from walletd.domain.cards import check_may_book
from walletd.domain.documents import redemption_document, transaction_document
from walletd.domain.earning import give_back
from walletd.domain.errors import AlreadyReversed, NotFound, ReversalExceeded, ReversalNotAllowed
from walletd.domain.identifiers import new_id, new_redemption_code
from walletd.domain.ledger import Transaction
from walletd.domain.operations import decide as decide_movement
from walletd.domain.programs import Program, invalid
from walletd.domain.redemptions import RESERVED, Redemption, check_capture, check_release
from walletd.services.booking.commands import Book, Capture, Command, Release, Reserve, Reverse, Settle
from walletd.services.booking.loading import Desk, Original

_SALT_BYTES: Final = 16
_IRREVERSIBLE: Final = frozenset({"opening", "tier", "reversal", "expiry", "release"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command came to: the id of what it made, the document to answer, and what the audit log keeps."""

    subject: str
    document: Mapping[str, object]
    action: str
    details: Mapping[str, object]


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
    transaction = Transaction(
        id=new_id("txn", desk.now),
        merchant_id=command.by.merchant_id,
        account_id=card.account_id,
        serial_number=card.serial_number,
        type=booking.type,
        actor=command.by.key_id,
        created_at=desk.now,
        purchase_total=booking.purchase_total,
        terms=movement.terms,
        reference=booking.reference,
        reason=booking.reason,
        campaign=booking.campaign,
        note_salt=_salt(booking.reference, booking.reason, booking.campaign),
    )
    unallocated = movement.kind == "manual_debit" and program.text("manual_debit") == "unallocated"
    entry = book.post(transaction, movement, limit=_limit(program), fefo=not unallocated)
    document = transaction_document(transaction, [entry], book.state, book.balances())
    return Decision(transaction.id, document, "transaction.booked", {"type": booking.type})


def _reserve(desk: Desk, command: Command, work: Reserve) -> Decision:
    card = desk.card(command.by.merchant_id, work.card)
    check_may_book(card, takes=True)
    book = desk.books[card.account_id]
    redemption = book.reserve(
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
        )
    )
    document = redemption_document(redemption, book.state, book.balances())
    return Decision(redemption.code, document, "redemption.reserved", {"amount": redemption.amount})


def _capture(desk: Desk, command: Command, work: Capture) -> Decision:
    book, redemption = desk.redemption(command.by.merchant_id, work.code)
    amount = redemption.amount if work.amount is None else work.amount
    check_capture(redemption, amount, desk.now)
    check_may_book(desk.card(command.by.merchant_id, redemption.serial_number), takes=True)
    program, _ = desk.program_of(book)
    transaction = _for_redemption(desk, command, redemption, "redemption")
    movement = Movement("redeem", -amount, "stored_value" if program.kind == "gift" else "redeemed")
    entry = book.capture(redemption, transaction, movement)
    captured = book.redemptions[redemption.code]
    document = redemption_document(captured, book.state, book.balances(), [(entry, transaction)])
    return Decision(transaction.id, document, "redemption.captured", {"amount": amount})


def _release(desk: Desk, command: Command, work: Release) -> Decision:
    book, redemption = desk.redemption(command.by.merchant_id, work.code)
    if redemption.state != "released":
        check_release(redemption, desk.now)
        book.release(redemption, _for_redemption(desk, command, redemption, "release"))
    released = book.redemptions[redemption.code]
    document = redemption_document(released, book.state, book.balances())
    return Decision(redemption.code, document, "redemption.released", {"amount": redemption.amount})


def _reverse(desk: Desk, command: Command, work: Reverse) -> Decision:
    original = desk.original(command.by.merchant_id, work.transaction_id)
    if original.transaction.type in _IRREVERSIBLE or original.entry is None:
        raise ReversalNotAllowed(f"A transaction of type {original.transaction.type} cannot be reversed.")
    book = desk.books[original.transaction.account_id]
    amount, total, movement = _to_reverse(book, original, work)
    transaction = Transaction(
        id=new_id("txn", desk.now),
        merchant_id=command.by.merchant_id,
        account_id=book.state.id,
        serial_number=original.transaction.serial_number,
        type="reversal",
        actor=command.by.key_id,
        created_at=desk.now,
        purchase_total=total,
        corrects=original.transaction.id,
        reference=work.reference,
        reason=work.reason,
        note_salt=_salt(work.reference, work.reason),
    )
    if original.entry.amount < 0:
        program, _ = desk.program_of(book)
        grace = timedelta(days=program.number("grace_days"))
        entry = book.give_back(transaction, original.entry, original.consumptions, amount, grace)
    else:
        entry = book.take_back(transaction, original.entry, movement)
    document = transaction_document(transaction, [entry], book.state, book.balances())
    return Decision(transaction.id, document, "transaction.reversed", {"corrects": original.transaction.id})


def _settle(desk: Desk, work: Settle) -> Decision:
    account_id = work.account_id
    if account_id not in desk.books:
        raise NotFound(f"There is no account {account_id}.")
    return Decision(account_id, {}, "account.settled", {})


def _to_reverse(book: AccountBook, original: Original, work: Reverse) -> tuple[int, int | None, Movement]:
    """Return the amount to take back, the part of the purchase it belongs to, and what that moves."""
    entry, before = original.entry, original.reversed
    if entry is None:
        raise ReversalNotAllowed
    total = original.transaction.purchase_total
    if total is None:
        if work.purchase_total is not None:
            raise invalid("/purchase_total", "belongs to the reversal of a purchase")
        amount = _part(work.amount, abs(entry.amount), before.amount, "/amount")
        return amount, None, Movement("reversal", -amount, entry.merchant_account, carry=book.state.carry)
    if work.amount is not None:
        raise invalid("/amount", "is worked out from purchase_total for a purchase; leave it out")
    part = _part(work.purchase_total, total, before.purchase_total, "/purchase_total")
    amount, carry = give_back(original.transaction.terms or "", total, before.purchase_total, part, book.state.carry)
    returned = part if entry.turnover else 0
    return amount, part, Movement("reversal", -amount, entry.merchant_account, turnover=-returned, carry=carry)


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


def _for_redemption(desk: Desk, command: Command, redemption: Redemption, kind: str) -> Transaction:
    return Transaction(
        id=new_id("txn", desk.now),
        merchant_id=command.by.merchant_id,
        account_id=redemption.account_id,
        serial_number=redemption.serial_number,
        type=kind,
        actor=command.by.key_id,
        created_at=desk.now,
        reference=redemption.reference,
        note_salt=_salt(redemption.reference),
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


def _salt(*texts: str | None) -> str | None:
    return None if all(text is None for text in texts) else secrets.token_hex(_SALT_BYTES)


def _limit(program: Program) -> int:
    return program.number("balance_max") or AMOUNT_MAX
