"""Merchants and their sealed platform credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    update,
)

from walletd.db.engine.base import Tx, locked, metadata
from walletd.domain.calendar import from_milliseconds, milliseconds

merchants = Table(
    "merchants",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("name", Text, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("languages", JSON, nullable=False),
    Column("customer_number", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("service_mail", Text),
    Column("merge_requests", String(16), nullable=False, server_default="confirmed"),
    Column("duplicate_mail", String(16), nullable=False, server_default="daily"),
    Column("order_number", BigInteger, nullable=False, server_default="0"),
    Column("till_folder", Text),
)


merchant_credentials = Table(
    "merchant_credentials",
    metadata,
    Column("merchant_id", String(30), primary_key=True),
    Column("platform", String(16), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("not_valid_after", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant_id"], ["merchants.id"]),
    UniqueConstraint("platform", "topic"),
)


@dataclass(frozen=True, slots=True)
class MerchantRow:
    """A merchant as stored."""

    id: str
    name: str
    currency: str
    timezone: str
    languages: tuple[str, ...]
    created_at: datetime
    service_mail: str | None = None
    """Where staff read what they have to know without looking."""
    merge_requests: str = "confirmed"
    """What customers may ask for, one of `merge_requests.POLICIES`."""
    duplicate_mail: str = "daily"
    """When staff are written to about duplicates, one of `matching.MAIL_POLICIES`."""
    till_folder: str | None = None
    """Where the till system takes its files from."""


@dataclass(frozen=True, slots=True)
class CredentialsRow:
    """A merchant's sealed credentials for one platform; `version` rises with each replacement."""

    merchant_id: str
    platform: str
    topic: str
    sealed: bytes
    version: int
    not_valid_after: datetime


def insert(tx: Tx, row: MerchantRow) -> None:
    """Store a new merchant."""
    tx.execute(
        merchants.insert(),
        {
            "id": row.id,
            "name": row.name,
            "currency": row.currency,
            "timezone": row.timezone,
            "languages": list(row.languages),
            "customer_number": 0,
            "created_at": milliseconds(row.created_at),
            "service_mail": row.service_mail,
        },
    )


def all_merchants(tx: Tx) -> list[MerchantRow]:
    """Return every merchant, in the order they were made."""
    return [_merchant(row) for row in tx.execute(select(merchants).order_by(merchants.c.id))]


def get(tx: Tx, merchant_id: str) -> MerchantRow:
    """Return a merchant that other rows name."""
    return _merchant(tx.execute(select(merchants).where(merchants.c.id == merchant_id)).one())


def _merchant(row: Row[Any]) -> MerchantRow:
    return MerchantRow(
        id=row.id,
        name=row.name,
        currency=row.currency,
        timezone=row.timezone,
        languages=tuple(row.languages),
        created_at=from_milliseconds(row.created_at),
        service_mail=row.service_mail,
        merge_requests=row.merge_requests,
        duplicate_mail=row.duplicate_mail,
        till_folder=row.till_folder,
    )


def store_till_folder(tx: Tx, merchant_id: str, folder: str | None) -> None:
    """Store where a merchant's till takes its files from, or that there is none."""
    tx.execute(update(merchants).where(merchants.c.id == merchant_id).values(till_folder=folder))


def store_policies(tx: Tx, merchant_id: str, policies: Mapping[str, str]) -> None:
    """Store `merge_requests` or `duplicate_mail` or both."""
    tx.execute(update(merchants).where(merchants.c.id == merchant_id).values(**policies))


def store_service_mail(tx: Tx, merchant_id: str, address: str | None) -> None:
    """Store where a merchant's staff read mail, or that they want none."""
    tx.execute(update(merchants).where(merchants.c.id == merchant_id).values(service_mail=address))


def currency(tx: Tx, merchant_id: str) -> str:
    """Return the currency that a merchant counts in."""
    code: str = tx.execute(select(merchants.c.currency).where(merchants.c.id == merchant_id)).scalar_one()
    return code


def lock(tx: Tx, merchant_id: str) -> None:
    """Let whoever else locks the merchant wait until commit, so that a check for a taken name sees its work."""
    tx.execute(locked(select(merchants.c.id).where(merchants.c.id == merchant_id)))


def next_customer_number(tx: Tx, merchant_id: str) -> int:
    """Raise the merchant's counter of customers and return the number it reached."""
    return _raised(tx, merchant_id, merchants.c.customer_number, 1)


def next_order_number(tx: Tx, merchant_id: str) -> int:
    """Raise the merchant's counter of orders and return the number it reached."""
    return _raised(tx, merchant_id, merchants.c.order_number, 1)


def take_customer_numbers(tx: Tx, merchant_id: str, count: int) -> range:
    """Raise the merchant's counter of customers by `count` and return the numbers it went over."""
    last = _raised(tx, merchant_id, merchants.c.customer_number, count)
    return range(last - count + 1, last + 1)


def _raised(tx: Tx, merchant_id: str, counter: Column[int], count: int) -> int:
    change = update(merchants).where(merchants.c.id == merchant_id).values({counter: counter + count})
    number: int = tx.execute(change.returning(counter)).scalar_one()
    return number


def raise_customer_number(tx: Tx, merchant_id: str, number: int) -> None:
    """Let the counter go on after a number that a merchant chose."""
    tx.execute(
        update(merchants)
        .where(merchants.c.id == merchant_id, merchants.c.customer_number < number)
        .values(customer_number=number)
    )


def store_credentials(tx: Tx, row: CredentialsRow) -> None:
    """Store or replace a merchant's credentials for a platform."""
    key = (merchant_credentials.c.merchant_id == row.merchant_id) & (merchant_credentials.c.platform == row.platform)
    values = {"topic": row.topic, "sealed": row.sealed, "not_valid_after": milliseconds(row.not_valid_after)}
    changed = tx.execute(
        update(merchant_credentials).where(key).values(**values, version=merchant_credentials.c.version + 1)
    )
    if changed.rowcount == 0:
        tx.execute(
            merchant_credentials.insert(),
            {"merchant_id": row.merchant_id, "platform": row.platform, "version": 1, **values},
        )


_IN_USE = select(merchant_credentials.c.merchant_id, merchant_credentials.c.platform)


def platforms_in_use(tx: Tx) -> set[tuple[str, str]]:
    """Return which merchant has credentials for which platform."""
    return {(row.merchant_id, row.platform) for row in tx.rows(_IN_USE)}


def all_credentials(tx: Tx) -> list[CredentialsRow]:
    """Return all sealed credentials of all merchants."""
    return [
        CredentialsRow(
            merchant_id=row.merchant_id,
            platform=row.platform,
            topic=row.topic,
            sealed=row.sealed,
            version=row.version,
            not_valid_after=from_milliseconds(row.not_valid_after),
        )
        for row in tx.execute(select(merchant_credentials))
    ]
