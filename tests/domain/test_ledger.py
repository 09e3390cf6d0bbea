"""The pure core of the ledger: chains that hold, and every tampering shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.balances import AMOUNT_MAX, AccountState, balances
from walletd.domain.errors import (
    BalanceLimit,
    InsufficientBalance,
    LedgerUnproved,
    OperationNotAllowed,
    ValidationFailed,
)
from walletd.domain.ledger import GENESIS_HASH, Booking, Entry, Movement, append, check_next, decide, request_hash
from walletd.domain.programs import KINDS, UNITS, Program, complete_rules

NOW = datetime(2026, 11, 22, 9, 30, 0, 125_000, tzinfo=UTC)


def an_account(balance: int = 0) -> AccountState:
    """Return an empty account, or one that holds something."""
    return AccountState("acc_1", "mer_1", "prg_1", "cus_1", "points", None, balance, 0, 0, GENESIS_HASH)


def a_program(kind: str, **rules: object) -> Program:
    """Return a program with default rules."""
    currency = "EUR" if UNITS[kind] == "money" else None
    return Program("prg_1", "mer_1", kind, "ours", UNITS[kind], currency, kind, complete_rules(kind, rules), NOW)


def chain(amounts: list[int]) -> tuple[list[Entry], AccountState]:
    """Append entries one after the other; those the account cannot take are left out."""
    account, entries = an_account(), list[Entry]()
    for number, amount in enumerate(amounts):
        kind = "manual_credit" if amount > 0 else "manual_debit"
        try:
            entry, account = append(
                account, Movement(kind, amount, "issued"), entry_id=f"ent_{number}", transaction_id="txn", now=NOW
            )
        except (InsufficientBalance, BalanceLimit):
            continue
        entries.append(entry)
    return entries, account


def prove(entries: list[Entry]) -> AccountState:
    """Recompute an account from its entries."""
    account = an_account()
    for entry in entries:
        account = check_next(account, entry)
    return account


amounts = st.lists(st.integers(-1000, 1000).filter(bool), max_size=30)


@given(amounts)
def test_a_chain_proves_the_account_it_leads_to(given_amounts: list[int]) -> None:
    """Recomputing from the entries gives balance, collected, sequence and head; nothing is negative."""
    entries, account = chain(given_amounts)
    assert prove(entries) == account
    assert account.balance == sum(entry.amount for entry in entries) >= 0
    assert account.collected == sum(entry.amount for entry in entries if entry.amount > 0)


CHANGES: list[Callable[[Entry], Entry]] = [
    lambda entry: replace(entry, amount=entry.amount + 1),
    lambda entry: replace(entry, balance_after=entry.balance_after + 1),
    lambda entry: replace(entry, amount=entry.amount + 1, balance_after=entry.balance_after + 1),
    lambda entry: replace(entry, kind="import"),
    lambda entry: replace(entry, merchant_account="expired"),
    lambda entry: replace(entry, transaction_id="txn_other"),
    lambda entry: replace(entry, created_at=NOW.replace(year=2027)),
    lambda entry: replace(entry, currency="EUR"),
    lambda entry: replace(entry, sequence=entry.sequence + 1),
    lambda entry: replace(entry, previous_hash="1" * 64),
    lambda entry: replace(entry, hash="1" * 64),
]


@given(st.integers(0, 9), st.sampled_from(CHANGES))
def test_every_changed_entry_is_found(place: int, change: Callable[[Entry], Entry]) -> None:
    """An entry that was changed after it was written does not fit its chain any more."""
    entries, _ = chain([7] * 10)
    entries[place] = change(entries[place])
    with pytest.raises(LedgerUnproved):
        prove(entries)


@given(st.integers(0, 8))
def test_a_missing_entry_is_found(place: int) -> None:
    """A gap breaks sequence and chain."""
    entries, _ = chain([7] * 10)
    del entries[place]
    with pytest.raises(LedgerUnproved):
        prove(entries)


def test_more_than_is_held_cannot_be_taken() -> None:
    """The refusal says what there is and what was asked for."""
    with pytest.raises(InsufficientBalance) as refused:
        append(an_account(10), Movement("manual_debit", -11, "redeemed"), entry_id="e", transaction_id="t", now=NOW)
    assert refused.value.facts == {"available": 10, "requested": 11}


def test_a_balance_stays_a_number_that_json_keeps_exact() -> None:
    """No credit leads beyond 2**53 - 1."""
    with pytest.raises(BalanceLimit):
        append(an_account(AMOUNT_MAX), Movement("earn", 1, "issued"), entry_id="e", transaction_id="t", now=NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", [1, 99, 100, 12_345, AMOUNT_MAX])
def test_a_purchase_never_earns_more_than_json_can_say(kind: str, total: int) -> None:
    """Earning is whole, not negative and bounded for every kind and every total."""
    try:
        movement = decide(a_program(kind), Booking("card", "purchase", None, total))
    except OperationNotAllowed:
        assert kind in {"gift", "coupon", "multipass"}
        return
    assert movement is None or 0 < movement.amount <= AMOUNT_MAX


def test_cashback_is_counted_in_whole_cents_rounded_down() -> None:
    """7.5 % of 0.99 is 7 cents."""
    movement = decide(a_program("cashback", rate=750), Booking("card", "purchase", None, 99))
    assert movement == Movement("earn", 7, "issued")


@pytest.mark.parametrize(
    "booking",
    [
        Booking("card", "purchase", 5, 100),
        Booking("card", "credit", 5, 100),
        Booking("card", "purchase"),
        Booking("card", "credit"),
        Booking("card", "transfer", 5),
        Booking("card", "credit", amount=True),
    ],
)
def test_a_booking_that_contradicts_itself_is_refused(booking: Booking) -> None:
    """Amount and purchase total exclude each other, and the type decides which is needed."""
    with pytest.raises(ValidationFailed):
        decide(a_program("loyalty"), booking)


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none(), min_size=1))
def test_equal_requests_have_equal_hashes_whatever_their_order(request: dict[str, object]) -> None:
    """The hash depends on content alone."""
    assert request_hash(request) == request_hash(dict(reversed(request.items())))


def test_all_that_is_held_is_redeemable() -> None:
    """The six balances of an account without locks."""
    figures = balances(replace(an_account(30), collected=50))
    assert (figures["collected"], figures["total"], figures["redeemable"], figures["locked"]) == (50, 30, 30, 0)
