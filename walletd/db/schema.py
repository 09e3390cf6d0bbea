"""All tables together, for the migrations and for whoever compares them."""

from __future__ import annotations

from walletd.db import (
    accounts,
    api_keys,
    audit,
    cards,
    checkpoints,
    customers,
    deliveries,
    device_log,
    devices,
    idempotency,
    imports,
    jobs,
    lanes,
    ledger,
    lots,
    merchants,
    merges,
    programs,
    publishing,
    redemptions,
    rotating_codes,
    scheduler_runs,
    wallet_classes,
    wallet_events,
    wallet_objects,
    wallet_paces,
    webhook_messages,
    webhooks,
)
from walletd.db.base import metadata

NOUNS = (
    accounts,
    api_keys,
    audit,
    cards,
    checkpoints,
    customers,
    deliveries,
    device_log,
    devices,
    idempotency,
    imports,
    jobs,
    lanes,
    ledger,
    lots,
    merchants,
    merges,
    programs,
    publishing,
    redemptions,
    rotating_codes,
    scheduler_runs,
    wallet_classes,
    wallet_events,
    wallet_objects,
    wallet_paces,
    webhook_messages,
    webhooks,
)
"""Every file that defines a table; importing them fills `metadata`."""

__all__ = ["NOUNS", "metadata"]
