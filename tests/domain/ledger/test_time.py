"""What time does to an account: one moment after the other, whenever somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from tests.domain.ledger.tills import Step, Till, book, moved
from walletd.domain.errors import WalletdError
from walletd.domain.ledger.bookings.commands import Reserve, Reverse

MINUTE = timedelta(minutes=1)
CREDIT = book("credit", 1)
TO_09_46 = book("credit", 1, valid_until="2026-11-22T09:46:00Z")
"""The till's clock begins at 09:30; a reservation that is made then is held to 09:45."""
LATE = timedelta(minutes=40)
SHORT_LOTS = st.builds(
    lambda amount, lock, ends: book(
        "credit",
        amount,
        locked_until=None if lock is None else f"2026-11-22T09:{30 + lock:02}:00Z",
        valid_until=None if ends is None else f"2026-11-22T09:{31 + max(lock or 0, ends):02}:00Z",
    ),
    st.integers(1, 5),
    st.none() | st.none() | st.integers(0, 20),
    st.none() | st.integers(0, 28),
)
STEPS = st.one_of(
    SHORT_LOTS,
    st.builds(lambda amount: book("debit", amount), st.integers(1, 5)),
    st.builds(lambda amount: Reserve("card", amount), st.integers(1, 5)),
    st.builds(lambda place: Reverse(str(place)), st.integers(1, 4)),
    st.builds(lambda minutes: minutes * MINUTE, st.integers(1, 12)),
)


def figures(till: Till) -> dict[str, int]:
    """Return what the account is worth now."""
    till.batch()
    shown = till.book.balances()
    names = ("total", "redeemable", "locked", "reserved", "debt", "expired", "collected")
    return {name: getattr(shown, name) for name in names}


def watched(steps: Sequence[Step]) -> Till:
    """Go through steps while somebody looks every minute."""
    till = Till()
    for step in steps:
        if isinstance(step, timedelta):
            for _ in range(step // MINUTE):
                till.after(MINUTE).batch()
        else:
            try_to(till, step)
    return till


def unwatched(steps: Sequence[Step]) -> Till:
    """Go through steps while nobody looks in between."""
    till = Till()
    for step in steps:
        try_to(till, step)
    return till


def try_to(till: Till, step: Step) -> None:
    """Do a step; where it is refused, it leaves a gap in the names of what was done."""
    try:
        till.after(step)
    except (WalletdError, IndexError):
        till.subjects.append("refused")


def test_a_unit_that_comes_back_pays_debt_before_its_lot_ends_however_late_somebody_looks() -> None:
    """A credit is reversed while its unit is spent and another is held: what is held comes back before it ends."""
    history: list[Step] = [CREDIT, TO_09_46, Reserve("card", 1), book("debit", 1), Reverse("1")]
    settled = {"total": 0, "redeemable": 0, "locked": 0, "reserved": 0, "debt": 0, "expired": 0, "collected": 2}
    assert figures(Till().after(*history, LATE)) == settled
    assert figures(watched([*history, LATE])) == settled


def test_a_lot_that_was_unlocked_meanwhile_pays_debt_before_it_ends() -> None:
    """Debt that another account left here is paid by what could be redeemed for a while, although nobody looked."""
    locked = book("credit", 5, locked_until="2026-11-22T09:40:00Z", valid_until="2026-11-22T09:50:00Z")
    till = Till().after(locked, {"debt": 3, "balance": 2}, LATE)
    till.batch()
    assert moved(till.book) == [("debt", 0, 2), ("expire", -2, 0)]
    assert figures(till)["debt"] == 0


def test_a_lot_pays_debt_when_it_is_unlocked() -> None:
    """Debt and what can be redeemed do not stand side by side (I-03): the till finds what is left."""
    locked = book("credit", 5, locked_until="2026-11-22T09:40:00Z")
    till = Till().after(locked, {"debt": 3, "balance": 2}, 10 * MINUTE)
    till.batch()
    assert moved(till.book) == [("debt", 0, 2)]
    assert (figures(till)["redeemable"], figures(till)["debt"]) == (2, 0)


@example([CREDIT, TO_09_46, Reserve("card", 1), book("debit", 1), Reverse("1")])
@given(st.lists(STEPS, min_size=3, max_size=14))
def test_the_books_do_not_depend_on_when_somebody_looks(steps: list[Step]) -> None:
    """Whatever is booked, reserved and reversed: looked at every minute or once at the end, it is worth the same."""
    history = [*steps, LATE]
    assert figures(watched(history)) == figures(unwatched(history))
