"""What each command does to an account, and what refuses it: decided in memory, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.ledger.test_ledger import a_book, an_account
from tests.domain.ledger.tills import BY, SCANNED, Step, Till, book, check_refused, moved
from walletd.domain.cards.rotating_codes import RotatingCodeRefused, RotatingCodeUsed
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import (
    AccountUnproved,
    AlreadyReversed,
    AmountInvalid,
    BalanceLimit,
    CardIsDeleted,
    CardIsRevoked,
    CardKeyReplaced,
    HoldClosed,
    HoldExceeded,
    HoldExpired,
    InsufficientBalance,
    LoyaltySuspended,
    MembershipEnded,
    NotFound,
    OperationNotAllowed,
    RedemptionBlocked,
    ReversalExceeded,
    ReversalNotAllowed,
    ValidationFailed,
    WalletdError,
)
from walletd.domain.ledger import changes
from walletd.domain.ledger.balances import AMOUNT_MAX
from walletd.domain.ledger.bookings.commands import Advance, Capture, Release, Reserve, Reverse, Work
from walletd.domain.ledger.bookings.decisions import Decision, decide
from walletd.domain.ledger.lots import Lot

CREDIT, DEBIT, HOLD = book("credit", 50), book("debit", 20), Reserve("card", 20)
FIVE, FULL = book("credit", 5), book("credit", AMOUNT_MAX - 30)
LOCKED = book("credit", 50, locked_until="2027-01-31")
PURCHASE = book("purchase", purchase_total=1000)
SHORT = book("credit", 50, valid_until="2026-11-22T09:40:00Z")
HELD, CAPTURED, RELEASED = (CREDIT, HOLD), (CREDIT, HOLD, Capture("2")), (CREDIT, HOLD, Release("2"))
MEMBER = book("tier", tier="Member")
TEN, QUARTER, MONTH = timedelta(minutes=10), timedelta(minutes=15), timedelta(days=31)
REVOKED: Step = {"status": "revoked"}
UNPROVED: Step = {"fault": "An entry was changed."}
IN_DEBT, ENDED = (CREDIT, DEBIT, Reverse("1")), (SHORT, DEBIT, TEN)
RETURNED = (PURCHASE, Reverse("1", purchase_total=400))
LATE = [("expire", -30, 20), ("redeem", -20, 20), ("expire", -20, 0)]

OUTCOMES: dict[str, tuple[Sequence[Step], Work, list[tuple[str, int, int]], dict[str, int]]] = {
    "credit": ([], CREDIT, [("manual_credit", 50, 50)], {"redeemable": 50, "collected": 50}),
    "purchase earns": ([], PURCHASE, [("earn", 10, 10)], {"total": 10, "turnover": 1000}),
    "debit": ([CREDIT], DEBIT, [("manual_debit", -20, 30)], {"total": 30, "collected": 50}),
    "locked credit": ([], LOCKED, [("manual_credit", 50, 50)], {"total": 50, "locked": 50, "redeemable": 0}),
    "credit pays debt": (IN_DEBT, FIVE, [("manual_credit", 5, -15)], {"debt": 15, "redeemable": 0}),
    "what ended expires first": ([SHORT, TEN], FIVE, [("expire", -50, 0), ("manual_credit", 5, 5)], {"expired": 50}),
    "reservation moves nothing yet": ([CREDIT], HOLD, [], {"reserved": 20, "redeemable": 30}),
    "capture": (HELD, Capture("2"), [("redeem", -20, 30)], {"reserved": 0, "redeemable": 30}),
    "capture of a part": (HELD, Capture("2", 15), [("redeem", -15, 35)], {"reserved": 0, "redeemable": 35}),
    "release": (HELD, Release("2"), [("redeem", -20, 50)], {"reserved": 0, "redeemable": 50}),
    "release of what is released": (RELEASED, Release("2"), [], {"reserved": 0, "redeemable": 50}),
    "release whatever happened": ([*HELD, REVOKED, UNPROVED], Release("2"), [("redeem", -20, 50)], {"reserved": 0}),
    "release too late": ([SHORT, HOLD, TEN], Release("2"), LATE, {"total": 0, "expired": 50}),
    "release pays debt": ([*HELD, Reverse("1")], Release("2"), [("redeem", -20, 0), ("debt", 0, 0)], {"debt": 0}),
    "reversed credit": ([CREDIT], Reverse("1"), [("reversal", -50, 0)], {"total": 0, "debt": 0}),
    "part of a credit": ([CREDIT], Reverse("1", 20), [("reversal", -20, 30)], {"total": 30}),
    "rest of a credit": ([CREDIT, Reverse("1", 20)], Reverse("1"), [("reversal", -30, 0)], {"total": 0}),
    "debt for what is spent": ([CREDIT, DEBIT], Reverse("1"), [("reversal", -50, -20)], {"debt": 20, "redeemable": 0}),
    "reversed debit": ([CREDIT, DEBIT], Reverse("2"), [("reversal", 20, 50)], {"redeemable": 50}),
    "debit of what ended": (ENDED, Reverse("2"), [("expire", -30, 0), ("reversal", 20, 20)], {"expiring_30_days": 20}),
    "reversed redemption": (CAPTURED, Reverse("3"), [("reversal", 20, 50)], {"redeemable": 50}),
    "whole return": ([PURCHASE], Reverse("1"), [("reversal", -10, 0)], {"turnover": 0}),
    "part return": ([PURCHASE], Reverse("1", purchase_total=400), [("reversal", -4, 6)], {"turnover": 600}),
    "rest of a return": (RETURNED, Reverse("1"), [("reversal", -6, 0)], {"turnover": 0}),
}


@pytest.mark.parametrize(("history", "work", "entries", "figures"), OUTCOMES.values(), ids=OUTCOMES)
def test_a_command_appends_its_entries_and_answers_with_the_account(
    history: Sequence[Step], work: Work, entries: list[tuple[str, int, int]], figures: dict[str, int]
) -> None:
    """Entries, balance after each and the figures of the answer follow from the history and the command."""
    till = Till().after(*history)
    account = till.do(work).document["account"]
    assert moved(till.book) == entries
    assert isinstance(account, dict)
    assert {name: account[name] for name in figures} == figures
    assert till.book.state.balance == sum(lot.remaining for lot in till.book.lots.values()) - till.book.state.debt


KINDS = {
    "full stamp card": ("stamp", {}, [book("credit", 10)], book("reward"), ("reward", -10, 0), "redeemed"),
    "multipass": ("multipass", {"pack": 5}, [book("credit")], book("visit"), ("visit", -1, 4), "redeemed"),
    "gift card": ("gift", {}, [CREDIT], DEBIT, ("manual_debit", -20, 30), "stored_value"),
    "gift card at a till": ("gift", {}, HELD, Capture("2"), ("redeem", -20, 30), "stored_value"),
    "tier of a membership": ("membership", {}, [], MEMBER, ("tier", 0, 0), "issued"),
}


@pytest.mark.parametrize(("kind", "rules", "history", "work", "entry", "side"), KINDS.values(), ids=KINDS)
def test_a_command_follows_the_program_of_the_account(
    kind: str, rules: dict[str, object], history: Sequence[Step], work: Work, entry: tuple[str, int, int], side: str
) -> None:
    """The same command means what the kind of card says, in its unit, against the right account of the merchant."""
    till = Till(kind, **rules).after(*history)
    account = till.do(work).document["account"]
    assert (moved(till.book), till.book.appended[0].entry.merchant_account) == ([entry], side)
    assert isinstance(account, dict)
    assert (account["unit"], account.get("currency")) == (till.program.unit, till.program.currency)


def test_a_debit_without_lots_leaves_every_lot_as_it_was() -> None:
    """Where the program says so, a debit by hand lowers the balance and is tied to no lot (D-24)."""
    till = Till(manual_debit="unallocated").after(CREDIT, DEBIT)
    assert [lot.remaining for lot in till.book.lots.values()] == [50]
    assert (till.book.state.balance, till.book.state.unallocated, till.book.balances().redeemable) == (30, 20, 30)


ENDS = {
    "reserved": (HELD, "reserved", 0),
    "captured": (CAPTURED, "captured", 20),
    "captured in part": ([*HELD, Capture("2", 15)], "captured", 15),
    "released": (RELEASED, "released", 0),
    "discarded by time": ([*HELD, QUARTER, Advance("acc_1")], "discarded", 0),
}


@pytest.mark.parametrize(("history", "state", "captured"), ENDS.values(), ids=ENDS)
def test_a_redemption_is_kept_as_it_ended(history: Sequence[Step], state: str, captured: int) -> None:
    """The book keeps a redemption in its new state; only an open one holds anything of a lot."""
    till = Till().after(*history)
    (redemption,) = till.book.redemptions.values()
    assert (redemption.amount, redemption.state, redemption.captured) == (20, state, captured)
    held = 20 if state == "reserved" else 0
    assert (till.book.state.reserved, [lot.reserved for lot in till.book.lots.values()]) == (held, [held])


def test_answers_and_changes_name_what_a_command_made() -> None:
    """The answer holds the names, texts and entries; the change names the same transaction or redemption."""
    till = Till()
    booked = till.do(book("credit", 50, reference="R-1", reason="Thanks", campaign="May"))
    transaction = till.book.transactions[-1]
    assert (transaction.actor, transaction.serial_number, transaction.note_salt is None) == ("key_1", "card", False)
    texts = {"type": "credit", "card": "card", "reference": "R-1", "reason": "Thanks", "campaign": "May"}
    assert booked.document.items() >= {"transaction_id": booked.subject, **texts}.items()
    assert booked.change == changes.TransactionBooked(booked.subject, "credit")
    held = till.do(Reserve("card", 20, "R-2"))
    expected = {"code": held.subject, "state": "reserved", "reference": "R-2", "captured": 0, "entries": []}
    assert held.document.items() >= expected.items()
    assert held.change == changes.RedemptionReserved(held.subject, 20)
    captured = till.do(Capture("2", 15))
    entry = till.book.appended[-1].entry
    expected = {"state": "captured", "captured": 15, "transaction_id": captured.subject}
    assert captured.document.items() >= expected.items()
    assert [item["entry_id"] for item in captured.document["entries"]] == [entry.id]  # type: ignore[attr-defined] # JSON
    assert captured.change == changes.RedemptionCaptured(captured.subject, 15)
    taken_back = till.do(Reverse("1", 10))
    assert taken_back.document.items() >= {"type": "reversal", "corrects": booked.subject, "reference": None}.items()
    assert taken_back.change == changes.TransactionReversed(taken_back.subject, booked.subject)
    assert till.book.transactions[-1].note_salt is None
    other = till.after(HOLD).do(Release("5"))
    assert other.document["state"] == "released"
    assert other.change == changes.RedemptionReleased(till.subjects[4], 20)


def test_time_alone_answers_nothing() -> None:
    """What time did stands in the entries: a reservation that came to nothing and what has ended."""
    till = Till().after(SHORT, HOLD, QUARTER)
    assert till.do(Advance("acc_1")) == Decision("acc_1", {}, None)
    assert moved(till.book) == [("expire", -30, 20), ("redeem", -20, 20), ("expire", -20, 0)]


TAKING = {"debit": DEBIT, "reservation": Reserve("card", 5), "capture": Capture("2")}
CARD_STATES: dict[str, tuple[dict[str, object], type[WalletdError]]] = {
    "merged card": ({"merged_into": "other"}, CardMerged),
    "revoked card": ({"status": "revoked"}, CardIsRevoked),
    "deleted card": ({"status": "deleted"}, CardIsDeleted),
    "suspended customer": ({"loyalty_status": "suspended"}, LoyaltySuspended),
    "blocked redemptions": ({"redeem_blocked": True}, RedemptionBlocked),
}


@pytest.mark.parametrize("work", [CREDIT, *TAKING.values()], ids=["credit", *TAKING])
@pytest.mark.parametrize(("change", "refusal"), CARD_STATES.values(), ids=CARD_STATES)
def test_the_state_of_the_card_refuses(work: Work, change: dict[str, object], refusal: type[WalletdError]) -> None:
    """Each state has its own name (D-16); blocked redemptions leave collecting on."""
    till = Till().after(*HELD, change)
    if (work, refusal) == (CREDIT, RedemptionBlocked):
        till.do(work)
        assert moved(till.book) == [("manual_credit", 50, 100)]
        return
    check_refused(till.batch(), till.meant(work), refusal)


REFUSED: dict[str, tuple[Sequence[Step], Work, type[WalletdError], dict[str, object]]] = {
    "booking on an unknown card": ([], book("credit", 5, card="none"), NotFound, {}),
    "reservation on an unknown card": ([], Reserve("none", 5), NotFound, {}),
    "booking by a replaced key": ([], book("credit", 5, card="old key"), CardKeyReplaced, {}),
    "reservation by a replaced key": ([CREDIT], Reserve("old key", 5), CardKeyReplaced, {}),
    "code that is not genuine": ([], book("credit", 5, card="forged"), RotatingCodeRefused, {}),
    "unknown type": ([], book("refund", 5), ValidationFailed, {}),
    "type of another kind of card": ([], book("visit"), OperationNotAllowed, {}),
    "credit of nothing": ([], book("credit", 0), AmountInvalid, {}),
    "credit without an amount": ([], book("credit"), AmountInvalid, {}),
    "credit beyond exact numbers": ([], book("credit", AMOUNT_MAX + 1), AmountInvalid, {}),
    "negative debit": ([], book("debit", -1), AmountInvalid, {}),
    "validity in the past": ([], book("credit", 5, valid_until="2026-01-01"), ValidationFailed, {}),
    "purchase beyond exact numbers": ([{"turnover": AMOUNT_MAX}], PURCHASE, AmountInvalid, {}),
    "credit beyond exact balance": ([CREDIT], book("credit", AMOUNT_MAX), BalanceLimit, {"available": AMOUNT_MAX - 50}),
    "debit of what is held": (HELD, book("debit", 31), InsufficientBalance, {"available": 30, "requested": 31}),
    "held twice": (HELD, Reserve("card", 31), InsufficientBalance, {"available": 30, "requested": 31}),
    "debit of what has ended": ([SHORT, TEN], DEBIT, InsufficientBalance, {"available": 0}),
    "debit of an unproved account": ([CREDIT, UNPROVED], DEBIT, AccountUnproved, {}),
    "reservation on an unproved account": ([CREDIT, UNPROVED], HOLD, AccountUnproved, {}),
    "capture on an unproved account": ([*HELD, UNPROVED], Capture("2"), AccountUnproved, {}),
    "capture of an unknown redemption": (HELD, Capture("none"), NotFound, {}),
    "capture of too much": (HELD, Capture("2", 21), HoldExceeded, {"held": 20, "requested": 21}),
    "capture too late": ([*HELD, QUARTER], Capture("2"), HoldExpired, {}),
    "second capture": (CAPTURED, Capture("2"), HoldClosed, {"state": "captured"}),
    "capture of what is released": (RELEASED, Capture("2"), HoldClosed, {"state": "released"}),
    "release of an unknown redemption": (HELD, Release("none"), NotFound, {}),
    "release too late": ([*HELD, QUARTER], Release("2"), HoldExpired, {}),
    "release of what is captured": (CAPTURED, Release("2"), HoldClosed, {"state": "captured"}),
    "reversal of an unknown transaction": ([CREDIT], Reverse("none"), NotFound, {}),
    "second reversal": ([CREDIT, Reverse("1")], Reverse("1"), AlreadyReversed, {}),
    "second return": ([PURCHASE, Reverse("1")], Reverse("1"), AlreadyReversed, {}),
    "more than is left": ([CREDIT, Reverse("1", 20)], Reverse("1", 31), ReversalExceeded, {}),
    "more than was purchased": ([PURCHASE], Reverse("1", purchase_total=1001), ReversalExceeded, {}),
    "reversal of a reversal": ([CREDIT, Reverse("1")], Reverse("2"), ReversalNotAllowed, {}),
    "return of a credit": ([CREDIT], Reverse("1", purchase_total=5), ValidationFailed, {}),
    "amount for a return": ([PURCHASE], Reverse("1", 5), ValidationFailed, {}),
    "no room for a debit": ([CREDIT, DEBIT, FULL], Reverse("2"), BalanceLimit, {"available": 0}),
    "unknown account": ([], Advance("acc_2"), NotFound, {}),
}


@pytest.mark.parametrize(("history", "work", "refusal", "facts"), REFUSED.values(), ids=REFUSED)
def test_a_refused_command_changes_nothing(
    history: Sequence[Step], work: Work, refusal: type[WalletdError], facts: dict[str, object]
) -> None:
    """Each refusal has its own name and facts; entries, account, lots, redemptions and codes stay as they were."""
    till = Till().after(*history)
    refused = check_refused(till.batch(), till.meant(work), refusal)
    assert refused.facts.items() >= facts.items()


PROGRAM_REFUSED: dict[str, tuple[Till, Sequence[Step], Work, type[WalletdError]]] = {
    "more than the program lets an account hold": (Till(balance_max=60), [CREDIT], CREDIT, BalanceLimit),
    "no rewards": (Till(), [CREDIT], book("reward"), OperationNotAllowed),
    "unknown reward": (Till("stamp"), [book("credit", 10)], book("reward", reward="Cake"), ValidationFailed),
    "stamp card that is not full": (Till("stamp"), [book("credit", 9)], book("reward"), InsufficientBalance),
    "coupon that is spent": (Till("coupon"), [], book("coupon"), InsufficientBalance),
    "unknown tier": (Till("membership"), [], book("tier", tier="Gold"), ValidationFailed),
    "visit after the end": (Till("membership", period_days=30), [MEMBER, MONTH], book("visit"), MembershipEnded),
    "purchase after the end": (Till("membership", period_days=30), [MEMBER, MONTH], PURCHASE, MembershipEnded),
}


@pytest.mark.parametrize(("till", "history", "work", "refusal"), PROGRAM_REFUSED.values(), ids=PROGRAM_REFUSED)
def test_the_rules_of_a_program_refuse(
    till: Till, history: Sequence[Step], work: Work, refusal: type[WalletdError]
) -> None:
    """What the program does not allow is refused, and nothing changes."""
    check_refused(till.after(*history).batch(), work, refusal)


NEVER_REVERSED = ("opening", "tier", "reversal", "expiry", "release", "merge", "merge_undo", "import")


@pytest.mark.parametrize("kind_of", NEVER_REVERSED)
def test_some_types_of_transactions_are_never_reversed(kind_of: str) -> None:
    """What no till booked, no till takes back."""
    till = Till().after(CREDIT)
    name, original = next(iter(till.originals.items()))
    till.originals[name] = replace(original, transaction=replace(original.transaction, type=kind_of))
    check_refused(till.batch(), Reverse(name), ReversalNotAllowed)


def test_a_transaction_without_entry_or_without_terms_is_not_reversed() -> None:
    """Nothing was moved, or nobody knows any more by which rules."""
    till = Till().after(PURCHASE)
    name, original = next(iter(till.originals.items()))
    without_terms = replace(original.transaction, terms=None)
    for unfit in (replace(original, entry=None), replace(original, transaction=without_terms)):
        till.originals[name] = unfit
        check_refused(till.batch(), Reverse(name), ReversalNotAllowed)


@pytest.mark.parametrize(
    "work", [CREDIT, HOLD, Capture("2"), Release("2"), Reverse("1")], ids=lambda work: type(work).__name__
)
def test_nothing_of_another_merchant_is_found(work: Work) -> None:
    """Cards, redemptions and transactions of one merchant do not exist for another."""
    till = Till().after(*HELD)
    check_refused(till.batch(), till.meant(work), NotFound, by=replace(BY, merchant_id="mer_2"))


def test_a_rotating_code_books_once_and_a_refusal_does_not_use_it_up() -> None:
    """A code that booked is refused for each command after it; the serial number still books."""
    batch = Till().batch()
    check_refused(batch, book("debit", 5, card="scanned"), InsufficientBalance)
    check_refused(batch, Reserve("scanned", 5), InsufficientBalance)
    decide(batch, BY, book("credit", 50, card="scanned"))
    assert (batch.used, list(batch.spent)) == ({("card", SCANNED.counter)}, [("mer_1", "card", SCANNED.counter)])
    for work in (book("credit", 5, card="scanned"), Reserve("scanned", 5)):
        assert check_refused(batch, work, RotatingCodeUsed).facts == {"serial_number": "card"}
    decide(batch, BY, HOLD)
    assert batch.books["acc_1"].state.reserved == 20


def test_each_command_of_a_batch_meets_what_the_ones_before_it_left() -> None:
    """Commands are decided one after the other; one that is refused does not hold up the others."""
    till = Till().after(CREDIT, DEBIT)
    batch = till.batch()
    decide(batch, BY, till.meant(Reverse("2", 15)))
    check_refused(batch, till.meant(Reverse("2", 6)), ReversalExceeded)
    decide(batch, BY, till.meant(Reverse("2", 5)))
    check_refused(batch, till.meant(Reverse("2")), AlreadyReversed)
    decide(batch, BY, book("debit", 50))
    check_refused(batch, book("debit", 1), InsufficientBalance)
    assert moved(till.book) == [("reversal", 15, 45), ("reversal", 5, 50), ("manual_debit", -50, 0)]


@pytest.mark.parametrize(
    ("place", "amount", "lots"), [("1", -50, [0, 30]), ("2", 20, [50, 30, 20])], ids=["credit", "debit"]
)
def test_after_a_merge_a_reversal_is_booked_on_the_account_that_goes_on(
    place: str, amount: int, lots: list[int]
) -> None:
    """A credit is taken from its lot where that is now; a debit comes back as a lot that ends as its own would have."""
    till = Till().after(book("credit", 50, valid_until="2027-06-30"), DEBIT)
    batch, first = till.batch(), next(iter(till.book.lots.values()))
    sooner = Lot("lot_3", "acc_2", 2, 30, 30, valid_until=till.now + timedelta(days=9))
    moved_lot = replace(first, id="lot_2", account_id="acc_2", remaining=50)
    batch.books["acc_2"] = a_book(replace(an_account(80), id="acc_2"), (moved_lot, sooner), till.now)
    batch.destinations, batch.moved_lots = {"acc_1": "acc_2"}, {first.id: "lot_2"}
    decide(batch, BY, till.meant(Reverse(place)))
    other = batch.books["acc_2"]
    assert (moved(till.book), moved(other)) == ([], [("reversal", amount, 80 + amount)])
    assert [lot.remaining for lot in other.lots.values()] == lots
    assert {lot.valid_until for lot in other.lots.values()} == {first.valid_until, sooner.valid_until}
