"""Merges with their journals, the lots they moved, and the columns by which a merged card leads to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    or_,
    select,
    update,
)

from walletd.db.engine.base import Tx, merchant_column, metadata, moment, reference, stored
from walletd.db.engine.bulk import insert_rows, one_of
from walletd.domain.calendar import from_milliseconds, milliseconds
from walletd.domain.customers.consent import OptIn, OptInState
from walletd.domain.customers.customers import LoyaltyStatus
from walletd.domain.customers.merges import (
    CardMove,
    JoinedAccounts,
    Journal,
    KeyMove,
    Merge,
    MergePlan,
    MergeState,
    MovedLot,
)
from walletd.domain.identifiers import KeyState
from walletd.domain.outbox.tills import TillState

merges = Table(
    "merges",
    metadata,
    Column("id", String(30), primary_key=True),
    merchant_column(),
    Column("identity_survivor", String(30), nullable=False),
    Column("number_survivor", String(30), nullable=False),
    Column("absorbed", String(30), nullable=False),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("journal", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("undone_at", BigInteger),
    Column("till", String(16)),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("merchant_id", "id"),
    Index(None, "identity_survivor"),
    Index(None, "absorbed"),
)

moved_lots = Table(
    "moved_lots",
    metadata,
    Column("merge_id", String(30), primary_key=True),
    Column("from_lot", String(30), primary_key=True),
    merchant_column(),
    Column("to_lot", String(30)),
    Column("from_account", String(30), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("tied", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    reference("merges", "merge_id"),
    Index(None, "from_lot"),
)

_STEPS: Final = ("sent_at", "confirmed_at", "revoked_at")
_MOMENTS: Final = ("member_until_before", "member_until_after")
_DESTINATIONS = (
    select(moved_lots.c.from_lot, moved_lots.c.to_lot)
    .join(merges, merges.c.id == moved_lots.c.merge_id)
    .where(
        one_of(moved_lots.c.from_lot, "lots"), merges.c.state == MergeState.COMMITTED, moved_lots.c.to_lot.is_not(None)
    )
)


def insert(tx: Tx, merge: Merge, moved: Mapping[str, Sequence[MovedLot]]) -> None:
    """Store a merge; `moved` holds the lots that left each account."""
    tx.execute(
        merges.insert(),
        {
            "id": merge.id,
            "merchant_id": merge.merchant_id,
            **asdict(merge.plan),
            "actor": merge.actor,
            "state": merge.state,
            "journal": _to_json(merge.journal),
            "created_at": milliseconds(merge.created_at),
        },
    )
    rows: list[dict[str, object]] = [
        {"merge_id": merge.id, "merchant_id": merge.merchant_id, "from_account": account, "place": place, **asdict(lot)}
        for account, lots in moved.items()
        for place, lot in enumerate(lots)
    ]
    if rows:
        insert_rows(tx, moved_lots, rows)


def find(tx: Tx, merchant_id: str, merge_id: str, *, lock: bool = False) -> Merge | None:
    """Return a merchant's merge; with `lock` it stays as read until commit."""
    query = select(merges).where(merges.c.id == merge_id, merges.c.merchant_id == merchant_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _merge(row)


def set_undone(tx: Tx, merge_id: str, now: datetime) -> None:
    """Note that a merge was undone."""
    tx.execute(
        update(merges).where(merges.c.id == merge_id).values(state=MergeState.UNDONE, undone_at=milliseconds(now))
    )


def set_till(tx: Tx, merge_id: str, state: TillState) -> None:
    """Note how far the till is with a merge."""
    tx.execute(update(merges).where(merges.c.id == merge_id).values(till=state))


def built_on(tx: Tx, merge: Merge) -> str | None:
    """Return a merge that one of the customers took part in later and that still stands, if there is one."""
    customer_ids = [merge.plan.identity_survivor, merge.plan.absorbed]
    query = (
        select(merges.c.id)
        .where(
            or_(merges.c.identity_survivor.in_(customer_ids), merges.c.absorbed.in_(customer_ids)),
            merges.c.state == MergeState.COMMITTED,
            merges.c.id != merge.id,
            merges.c.created_at >= milliseconds(merge.created_at),
        )
        .limit(1)
    )
    return tx.execute(query).scalar_one_or_none()


def lots_of(tx: Tx, merge_id: str, account_id: str) -> list[MovedLot]:
    """Return the lots that a merge moved out of an account, in the order in which they went."""
    query = (
        select(moved_lots)
        .where(moved_lots.c.merge_id == merge_id, moved_lots.c.from_account == account_id)
        .order_by(moved_lots.c.place)
    )
    return [
        MovedLot(from_lot=row.from_lot, to_lot=row.to_lot, amount=row.amount, tied=row.tied, paid=row.paid)
        for row in tx.execute(query)
    ]


def destinations(tx: Tx, lot_ids: Collection[str]) -> dict[str, str]:
    """Return for lots that merges moved, maybe several times, where they are now."""
    found: dict[str, str] = {}
    asked = {lot_id: lot_id for lot_id in lot_ids}  # where it is now → what it was called
    while asked:
        rows = tx.execute(_DESTINATIONS, {"lots": list(asked)})
        asked = {row.to_lot: asked[row.from_lot] for row in rows}
        found |= {was: now for now, was in asked.items()}
    return found


def _merge(row: Row[Any]) -> Merge:
    return Merge(
        id=row.id,
        merchant_id=row.merchant_id,
        plan=MergePlan(
            identity_survivor=row.identity_survivor,
            number_survivor=row.number_survivor,
            absorbed=row.absorbed,
            reason=row.reason,
        ),
        actor=row.actor,
        state=MergeState(row.state),
        journal=_from_json(row.journal),
        created_at=from_milliseconds(row.created_at),
        undone_at=moment(row.undone_at),
        till=None if row.till is None else TillState(row.till),
    )


def _to_json(journal: Journal) -> dict[str, Any]:
    document = asdict(journal)
    document["joined"] = [item | {name: stored(item[name]) for name in _MOMENTS} for item in document["joined"]]
    if journal.opt_in is not None:
        document["opt_in"] |= {name: stored(document["opt_in"][name]) for name in _STEPS}
    return document


def _from_json(document: Mapping[str, Any]) -> Journal:
    joined = (item | {name: moment(item[name]) for name in _MOMENTS} for item in document["joined"])
    return Journal(
        joined=tuple(JoinedAccounts(**item | {"forwarded": tuple(item["forwarded"])}) for item in joined),
        owned=tuple(document["owned"]),
        cards=tuple(CardMove(**item) for item in document["cards"]),
        keys=tuple(KeyMove(**item | {"state": KeyState(item["state"])}) for item in document["keys"]),
        customers=tuple(document["customers"]),
        redeem_blocked=document["redeem_blocked"],
        loyalty_status=LoyaltyStatus(document["loyalty_status"]),
        origins=tuple(document["origins"]) if document.get("origins") is not None else None,
        opt_in=_opt_in(document.get("opt_in")),
    )


def _opt_in(document: Mapping[str, Any] | None) -> OptIn | None:
    if document is None:
        return None
    return OptIn(OptInState(document["state"]), **{name: moment(document[name]) for name in _STEPS})
