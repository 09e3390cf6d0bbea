"""The pure core of the ledger: books that add up, chains that hold, and every tampering shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.cards.kinds import UNITS
from walletd.domain.cards.programs import Program, complete_rules
from walletd.domain.errors import BalanceLimit, InsufficientBalance, LedgerUnproved
from walletd.domain.ledger.balances import AMOUNT_MAX, AccountState
from walletd.domain.ledger.bookings import postings
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import GENESIS_HASH, Transaction, request_hash
from walletd.domain.ledger.lots import Consumption, Lot, share
from walletd.domain.ledger.movements import Movement
from walletd.domain.ledger.proof import Proof, begin, check_end, go_on

NOW = datetime(2026, 11, 22, 9, 30, 0, 125_000, tzinfo=UTC)
_ids = itertools.count()


def an_account(balance: int = 0) -> AccountState:
    """Return an empty account, or one that holds something."""
    return AccountState("acc_1", "mer_1", "prg_1", "cus_1", "points", None, GENESIS_HASH, balance=balance)


def a_program(kind: str, **rules: object) -> Program:
    """Return a program with default rules."""
    currency = "EUR" if UNITS[kind] == "money" else None
    return Program("prg_1", "mer_1", kind, "ours", UNITS[kind], currency, kind, complete_rules(kind, rules), NOW)


def a_book(state: AccountState | None = None, lots: tuple[Lot, ...] = (), now: datetime = NOW) -> AccountBook:
    """Return the book of an account."""
    return AccountBook(state or an_account(), lots, now, lambda: f"ent_{next(_ids)}", iter(()))


def a_transaction(kind: str = "credit") -> Transaction:
    """Return a transaction of the one account."""
    return Transaction(f"txn_{next(_ids)}", "mer_1", "acc_1", "serial", kind, "key", NOW, reference="r", note_salt="s")


def post(book: AccountBook, amount: int, **terms: datetime | None) -> None:
    """Credit or debit a book by hand."""
    kind = "manual_credit" if amount > 0 else "manual_debit"
    postings.post(book, a_transaction(), Movement(kind, amount, "issued", **terms))  # type: ignore[arg-type]


def booked(amounts: list[int]) -> AccountBook:
    """Book one amount after the other; those the account cannot take are left out."""
    book = a_book()
    for amount in amounts:
        try:
            post(book, amount)
        except (InsufficientBalance, BalanceLimit):
            continue
    return book


Line = tuple[object, Transaction, tuple[Consumption, ...]]


def prove(book: AccountBook, change: Callable[[list[list[object]]], None] = lambda _lines: None) -> Proof:
    """Work an account out from its entries, of which some may have been tampered with."""
    of = {transaction.id: transaction for transaction in book.transactions}
    lines: list[list[object]] = [
        [item.entry, of[item.entry.transaction_id], item.consumptions] for item in book.appended
    ]
    change(lines)
    proof = begin(book.state)
    for entry, transaction, consumptions in lines:
        proof = go_on(proof, entry, transaction, consumptions)  # type: ignore[arg-type]
    check_end(proof, book.state)
    return proof


amounts = st.lists(st.integers(-1000, 1000).filter(bool), max_size=30)


@given(amounts)
def test_the_entries_of_a_book_prove_its_account(given_amounts: list[int]) -> None:
    """Working out from the entries gives every stored figure; lots, entries and balance say the same."""
    book = booked(given_amounts)
    proof = prove(book)
    assert book.state.balance == sum(item.entry.amount for item in book.appended) >= 0
    assert proof.held == sum(lot.remaining for lot in book.lots.values()) == book.state.balance
    assert book.state.collected == sum(item.entry.amount for item in book.appended if item.entry.amount > 0)


ENTRY_CHANGES: list[dict[str, object]] = [
    {"amount": 8},
    {"balance_after": 8},
    {"kind": "import"},
    {"merchant_account": "expired"},
    {"status": "discarded"},
    {"created_at": NOW.replace(year=2027)},
    {"currency": "EUR"},
    {"sequence": 99},
    {"previous_hash": "1" * 64},
    {"hash": "1" * 64},
    {"debt_after": 1},
    {"lot_amount": 6},
    {"locked_until": NOW},
    {"valid_until": NOW + timedelta(days=1)},
    {"turnover": 100},
    {"carry_after": 5},
    {"tier": "Gold"},
    {"corrects": "ent_0"},
    {"format": 1},
]
TRANSACTION_CHANGES: list[dict[str, object]] = [
    {"id": "txn_other"},
    {"serial_number": "other"},
    {"type": "debit"},
    {"purchase_total": 1},
    {"terms": "{}"},
    {"actor": "key_other"},
    {"corrects": "txn_other"},
    {"reference": "other"},
    {"reason": "other"},
    {"campaign": "other"},
    {"note_salt": "other"},
]


@pytest.mark.parametrize("change", ENTRY_CHANGES, ids=lambda change: next(iter(change)))
@pytest.mark.parametrize("place", [0, 5, 9])
def test_every_changed_entry_is_found(place: int, change: dict[str, object]) -> None:
    """An entry that was changed after it was written does not fit its chain any more."""

    def tamper(lines: list[list[object]]) -> None:
        lines[place][0] = replace(lines[place][0], **change)  # type: ignore[type-var]

    with pytest.raises(LedgerUnproved):
        prove(booked([7] * 10), tamper)


@pytest.mark.parametrize("change", TRANSACTION_CHANGES, ids=lambda change: next(iter(change)))
def test_every_changed_transaction_is_found(change: dict[str, object]) -> None:
    """Who booked what for which reason is part of the chain, texts included."""

    def tamper(lines: list[list[object]]) -> None:
        lines[3][1] = replace(lines[3][1], **change)  # type: ignore[type-var]

    with pytest.raises(LedgerUnproved):
        prove(booked([7] * 10), tamper)


@pytest.mark.parametrize("taken", [(), (Consumption("ent_other", 3),), (Consumption("ent_x", 2), Consumption("y", 1))])
def test_a_changed_consumption_is_found(taken: tuple[Consumption, ...]) -> None:
    """What an entry took of which lot is part of the chain."""

    def tamper(lines: list[list[object]]) -> None:
        lines[1][2] = taken

    with pytest.raises(LedgerUnproved):
        prove(booked([7, -3, 5]), tamper)


@given(st.integers(0, 9))
def test_a_missing_entry_is_found(place: int) -> None:
    """A gap breaks sequence and chain, a missing end the stored head."""
    with pytest.raises(LedgerUnproved):
        prove(booked([7] * 10), lambda lines: lines.__delitem__(place))


def test_more_than_is_held_cannot_be_taken() -> None:
    """The refusal says what there is and what was asked for, and changes nothing."""
    book = booked([10])
    with pytest.raises(InsufficientBalance) as refused:
        post(book, -11)
    assert refused.value.facts == {"available": 10, "requested": 11}
    assert (book.state.balance, len(book.appended), len(book.transactions)) == (10, 1, 1)


def test_a_balance_stays_a_number_that_json_keeps_exact() -> None:
    """No credit leads beyond 2**53 - 1."""
    book = booked([AMOUNT_MAX])
    with pytest.raises(BalanceLimit):
        post(book, 1)


def test_a_debit_reads_on_only_as_far_as_it_needs() -> None:
    """Of an account with many lots the first page is enough for a small debit."""
    asked = []

    def pages() -> object:
        for page in range(100):
            asked.append(page)
            yield [Lot(f"lot_{page}_{n}", "acc_1", page * 10 + n, 5, 5) for n in range(10)]

    book = AccountBook(an_account(5000), (), NOW, lambda: "ent", pages())  # type: ignore[arg-type]
    post(book, -12)
    assert asked == [0]
    assert [part.amount for part in book.appended[0].consumptions] == [5, 5, 2]


@given(st.integers(0, 10_000), st.lists(st.integers(1, 1000), min_size=1, max_size=10))
def test_shares_sum_up_and_stay_below_their_weights(amount: int, weights: list[int]) -> None:
    """A split by largest remainder loses nothing, and gives nobody more than fits."""
    amount = min(amount, sum(weights))
    shares = share(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= part <= weight for part, weight in zip(shares, weights, strict=True))


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), min_size=1))
def test_equal_requests_have_equal_hashes_whatever_their_order(request: dict[str, object]) -> None:
    """The hash depends on content alone."""
    assert request_hash(request) == request_hash(dict(reversed(request.items())))
