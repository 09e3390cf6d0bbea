"""All tables together, for the migrations and for whoever compares them."""

from __future__ import annotations

from walletd.db.cards import cards, programs, rotating_codes
from walletd.db.customers import customers, duplicates, merge_requests, merges
from walletd.db.delivery import (
    channels,
    device_log,
    devices,
    publish_counters,
    publishing,
    rate_limits,
    targets,
    wallet_classes,
    wallet_events,
    wallet_objects,
)
from walletd.db.engine.base import metadata
from walletd.db.exchange import imports
from walletd.db.ledger import accounts, checkpoints, entries, lots, redemptions
from walletd.db.merchants import api_keys, audit, idempotency, merchants
from walletd.db.operations import scheduler_runs
from walletd.db.outbox import jobs, webhook_messages, webhooks
from walletd.db.promotions import orders
from walletd.db.views import customer_lists

NOUNS = (
    accounts,
    api_keys,
    audit,
    cards,
    checkpoints,
    customer_lists,
    customers,
    targets,
    device_log,
    devices,
    duplicates,
    idempotency,
    imports,
    jobs,
    channels,
    entries,
    lots,
    merchants,
    merge_requests,
    merges,
    orders,
    programs,
    publish_counters,
    publishing,
    rate_limits,
    redemptions,
    rotating_codes,
    scheduler_runs,
    wallet_classes,
    wallet_events,
    wallet_objects,
    webhook_messages,
    webhooks,
)
"""Every file that defines a table; importing them fills `metadata`."""

__all__ = ["NOUNS", "metadata"]
