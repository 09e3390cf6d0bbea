"""The deciding part of the ledger: commands on a batch in memory, what they append, and what they are refused for."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from walletd.domain.cards.cards import BookableCard
from walletd.domain.cards.kinds import UNITS
from walletd.domain.cards.programs import Program, complete_rules
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import (
    AlreadyReversed,
    BalanceLimit,
    CardDeleted,
    CardKeyReplaced,
    CardRevoked,
    HoldClosed,
    HoldExceeded,
    HoldExpired,
    InsufficientBalance,
    LoyaltySuspended,
    NotFound,
    OperationNotAllowed,
    RedemptionBlocked,
    ReversalExceeded,
    ReversalNotAllowed,
    ValidationFailed,
    WalletdError,
)
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.bookings.batches import BatchContext
from walletd.domain.ledger.bookings.commands import Advance, Book, Capture, Release, Reserve, Reverse, Work
from walletd.domain.ledger.bookings.decisions import Decision, decide
from walletd.domain.ledger.bookings.reversals import Original, Reversed
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import GENESIS_HASH
from walletd.domain.ledger.movements import Booking
from walletd.domain.merchants.principals import Principal, PrincipalKind

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TILL = Principal("mer_1", PrincipalKind.API_KEY, "key_1", "till")
STRANGER = Principal("mer_2", PrincipalKind.API_KEY, "key_2", "another shop")
CARD = BookableCard("serial", "mer_1", "acc_1", "installed", "active", redeem_blocked=False)
_ids = itertools.count()


def a_batch(kind: str = "loyalty", card: BookableCard = CARD, name: str = "active", **rules: object) -> BatchContext:
    """A batch with one card on an empty account of a program."""
    currency = "EUR" if UNITS[kind] == "money" else None
    program = Program("prg_1", "mer_1", kind, "ours", UNITS[kind], currency, kind, complete_rules(kind, rules), NOW)
    state = AccountState("acc_1", "mer_1", "prg_1", "cus_1", UNITS[kind], currency, GENESIS_HASH)
    book = AccountBook(state, (), NOW, lambda: f"ent_{next(_ids)}", iter(()))
    return BatchContext(
        now=NOW,
        books={"acc_1": book},
        programs={"prg_1": (program, ZoneInfo("Europe/Berlin"))},
        cards={("mer_1", "serial"): (card, name)},
    )


def booking(kind: str, **fields: Any) -> Book:
    """A booking on the one card."""
    return Book(Booking("serial", kind, **fields))


def done(batch: BatchContext, *works: Work) -> list[Decision]:
    """Decide commands one after the other; what later ones look for is found, as a batch that was loaded finds it."""
    decisions = []
    for work in works:
        book = batch.books["acc_1"]
        decisions.append(decide(batch, TILL, work))
        batch.redemptions |= {("mer_1", code): "acc_1" for code in book.redemptions}
        for transaction in book.transactions:
            entry = next((each for each in book.appended if each.entry.transaction_id == transaction.id), None)
            original = Original(
                transaction, entry.entry if entry else None, entry.consumptions if entry else (), Reversed()
            )
            batch.originals.setdefault(transaction.id, original)
    return decisions


def lines(batch: BatchContext) -> list[tuple[str, int, int]]:
    """Kind, amount and balance after of every entry that was appended."""
    return [(each.entry.kind, each.entry.amount, each.entry.balance_after) for each in batch.books["acc_1"].appended]


def figures(batch: BatchContext) -> tuple[int, int, int, int]:
    """What the account holds, what of it is redeemable and reserved, and what it owes."""
    shown = batch.books["acc_1"].balances()
    return shown.total, shown.redeemable, shown.reserved, shown.debt


CREDIT = booking("credit", amount=40)


@pytest.mark.parametrize(
    ("kind", "works", "appended", "shown"),
    [
        pytest.param("loyalty", [CREDIT], [("manual_credit", 40, 40)], (40, 40, 0, 0), id="a credit"),
        pytest.param(
            "loyalty",
            [CREDIT, booking("debit", amount=15)],
            [("manual_credit", 40, 40), ("manual_debit", -15, 25)],
            (25, 25, 0, 0),
            id="a debit sees the credit before it in the batch",
        ),
        pytest.param(
            "loyalty", [booking("purchase", purchase_total=2790)], [("earn", 28, 28)], (28, 28, 0, 0), id="earn"
        ),
        pytest.param("multipass", [booking("credit", amount=10), booking("visit")], None, (9, 9, 0, 0), id="a visit"),
        pytest.param("gift", [booking("credit", amount=5000)], None, (5000, 5000, 0, 0), id="a gift card is loaded"),
        pytest.param("loyalty", [CREDIT, Reserve("serial", 25)], None, (15, 15, 25, 0), id="a reservation"),
        pytest.param("loyalty", [Advance("acc_1")], [], (0, 0, 0, 0), id="time alone did nothing"),
    ],
)
def test_a_command_appends_what_it_moves(
    kind: str, works: Sequence[Work], appended: list[tuple[str, int, int]] | None, shown: tuple[int, ...]
) -> None:
    """Given a history of commands in one batch, the entries and the balances are these."""
    batch = a_batch(kind)
    done(batch, *works)
    assert appended is None or lines(batch) == appended
    assert figures(batch) == shown


def reserved(amount: int = 25) -> tuple[BatchContext, str]:
    """A batch in which 40 were credited and some of it is held, and the code of that."""
    batch = a_batch()
    return batch, done(batch, CREDIT, Reserve("serial", amount))[1].subject


@pytest.mark.parametrize(
    ("amount", "shown", "state"), [(None, (15, 15, 0, 0), "captured"), (10, (30, 30, 0, 0), "captured")], ids=str
)
def test_a_capture_takes_what_it_names_and_frees_the_rest(
    amount: int | None, shown: tuple[int, ...], state: str
) -> None:
    """All that is held, or a part of it; what is left can be spent at once."""
    batch, code = reserved()
    (decision,) = done(batch, Capture(code, amount))
    assert figures(batch) == shown
    assert (decision.document["state"], decision.document["captured"]) == (state, amount or 25)


def test_a_release_gives_everything_back_and_again_changes_nothing() -> None:
    """Released twice is released once."""
    batch, code = reserved()
    done(batch, Release(code))
    first = (lines(batch), figures(batch))
    done(batch, Release(code))
    assert (lines(batch), figures(batch)) == first
    assert first[1] == (40, 40, 0, 0)


def booked(*works: Work) -> tuple[BatchContext, str]:
    """A batch after commands, and the id of the last transaction."""
    batch = a_batch()
    return batch, done(batch, *works)[-1].subject


@pytest.mark.parametrize(
    ("works", "reverse", "shown"),
    [
        pytest.param([CREDIT], {}, (0, 0, 0, 0), id="a credit, whole"),
        pytest.param([CREDIT], {"amount": 15}, (25, 25, 0, 0), id="a credit, in part"),
        pytest.param([CREDIT, booking("debit", amount=15)], {}, (40, 40, 0, 0), id="a debit"),
        pytest.param([booking("purchase", purchase_total=2790)], {}, (0, 0, 0, 0), id="a purchase"),
        pytest.param(
            [booking("purchase", purchase_total=3000)],
            {"purchase_total": 1000},
            (20, 20, 0, 0),
            id="a part of a purchase",
        ),
    ],
)
def test_a_reversal_takes_back_what_it_names(
    works: Sequence[Work], reverse: dict[str, Any], shown: tuple[int, ...]
) -> None:
    """The account is as if that had not been booked, and the reversal names what it corrects."""
    batch, transaction = booked(*works)
    (decision,) = done(batch, Reverse(transaction, **reverse))
    assert figures(batch) == shown
    assert decision.document["corrects"] == transaction


def test_what_was_spent_meanwhile_becomes_debt() -> None:
    """A credit that is taken back after it was spent leaves what is missing as debt, and no balance below zero."""
    batch = a_batch()
    credited = done(batch, CREDIT, booking("debit", amount=30))[0].subject
    done(batch, Reverse(credited))
    assert figures(batch) == (-30, 0, 0, 30)


def refused(batch: BatchContext, work: Work, error: type[WalletdError], by: Principal = TILL) -> None:
    """A command is refused, and nothing of the books is changed."""
    before = (lines(batch), figures(batch), dict(batch.books["acc_1"].redemptions), dict(batch.originals))
    with pytest.raises(error):
        decide(batch, by, work)
    assert (lines(batch), figures(batch), dict(batch.books["acc_1"].redemptions), dict(batch.originals)) == before


@pytest.mark.parametrize(
    "work", [booking("credit", amount=1), booking("debit", amount=1), Reserve("serial", 1)], ids=str
)
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": "revoked"}, CardRevoked),
        ({"status": "deleted"}, CardDeleted),
        ({"merged_into": "other"}, CardMerged),
        ({"loyalty_status": "suspended"}, LoyaltySuspended),
    ],
    ids=str,
)
def test_a_card_that_may_not_be_booked_on_moves_nothing(
    change: dict[str, Any], error: type[WalletdError], work: Work
) -> None:
    """Neither in nor out, whatever the command."""
    batch = a_batch()
    done(batch, CREDIT)
    batch.cards["mer_1", "serial"] = (replace(CARD, **change), "active")
    refused(batch, work, error)


def test_a_blocked_customer_collects_and_redeems_nothing() -> None:
    """Blocking is about what is taken; collecting goes on."""
    batch = a_batch(card=replace(CARD, redeem_blocked=True))
    done(batch, CREDIT)
    refused(batch, booking("debit", amount=1), RedemptionBlocked)
    refused(batch, Reserve("serial", 1), RedemptionBlocked)


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (Book(Booking("nobody", "credit", amount=1)), NotFound),
        (booking("debit", amount=41), InsufficientBalance),
        (Reserve("serial", 41), InsufficientBalance),
        (booking("coupon"), OperationNotAllowed),
        (booking("credit"), ValidationFailed),
        (Capture("nothing"), NotFound),
        (Release("nothing"), NotFound),
        (Reverse("txn_nothing"), NotFound),
        (Advance("acc_nothing"), NotFound),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(work: Work, error: type[WalletdError]) -> None:
    """On an account that holds 40 points: the refusal says why, and the books stay as they were."""
    batch = a_batch()
    done(batch, CREDIT)
    refused(batch, work, error)


def test_a_replaced_key_and_a_full_account_are_refused() -> None:
    """A retired key books nothing, and nobody holds more than the program allows."""
    refused(a_batch(name="retired"), CREDIT, CardKeyReplaced)
    refused(a_batch(balance_max=39), CREDIT, BalanceLimit)


def test_a_reservation_ends_after_a_quarter_of_an_hour_and_is_closed_once() -> None:
    """More than is held, after its time, or a second time: refused."""
    batch, code = reserved()
    refused(batch, Capture(code, 26), HoldExceeded)
    batch.now = NOW + timedelta(minutes=15)
    refused(batch, Capture(code), HoldExpired)
    refused(batch, Release(code), HoldExpired)
    batch.now = NOW
    done(batch, Capture(code))
    refused(batch, Capture(code), HoldClosed)
    refused(batch, Release(code), HoldClosed)


def test_a_transaction_is_taken_back_once_and_not_beyond_itself() -> None:
    """What is left of it is the most, then there is nothing; a reversal is not reversed, a stranger finds nothing."""
    batch, credited = booked(CREDIT)
    refused(batch, Reverse(credited), NotFound, STRANGER)
    refused(batch, Reverse(credited, purchase_total=1), ValidationFailed)
    done(batch, Reverse(credited, 30))
    refused(batch, Reverse(credited, 11), ReversalExceeded)
    reversal = done(batch, Reverse(credited, 10))[0].subject
    refused(batch, Reverse(credited), AlreadyReversed)
    refused(batch, Reverse(reversal), ReversalNotAllowed)


def test_a_purchase_is_taken_back_by_its_value_and_not_by_points() -> None:
    """How many points a part of it earned is worked out; a purchase without terms is left to people."""
    batch, bought = booked(booking("purchase", purchase_total=2790))
    refused(batch, Reverse(bought, amount=3), ValidationFailed)
    original = batch.originals[bought]
    batch.originals[bought] = replace(original, transaction=replace(original.transaction, terms=None))
    refused(batch, Reverse(bought), ReversalNotAllowed)


def test_turnover_follows_a_purchase_and_its_return() -> None:
    """What was bought counts, and what was brought back does not."""
    batch, bought = booked(booking("purchase", purchase_total=3000))
    assert batch.books["acc_1"].state.turnover == 3000
    done(batch, Reverse(bought, purchase_total=1000))
    assert batch.books["acc_1"].state.turnover == 2000


@pytest.mark.parametrize(("kind", "account"), [("loyalty", "redeemed"), ("gift", "stored_value")])
def test_what_is_captured_goes_to_the_account_of_its_kind(kind: str, account: str) -> None:
    """Points are redeemed; the money of a gift card comes out of what was stored."""
    batch = a_batch(kind)
    code = done(batch, CREDIT, Reserve("serial", 25))[1].subject
    done(batch, Capture(code))
    assert batch.books["acc_1"].appended[-1].entry.merchant_account == account
