"""Recognising a customer who is there already, in the transaction that takes them in or changes them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from walletd.db.customers import duplicates
from walletd.db.engine.base import Tx
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.matching import DuplicateCase, DuplicateSource, DuplicateState, MatchStage, match_keys
from walletd.domain.identifiers import new_id

MANY: Final = 10
"""A key that more customers have is no evidence: a firm's switchboard, or `info@`."""


def note_duplicates(tx: Tx, customer: Customer, now: datetime) -> None:
    """Put everybody who may be the same person into the inbox; the first stage with a hit decides (D-05)."""
    keys = match_keys(customer.details)
    for stage in MatchStage:
        key = keys.of(stage)
        if key is None:
            continue
        same = duplicates.same_as(tx, customer.merchant_id, stage, key, MANY + 1)
        if len(same) > MANY:
            continue
        others = [other_id for other_id in same if other_id != customer.id]
        if others:
            pairs = [
                new_case(customer.merchant_id, stage, DuplicateSource.REGISTRATION, (customer.id, other_id), now)
                for other_id in others
            ]
            duplicates.insert_new(tx, pairs)
            return


def new_case(
    merchant_id: str, stage: MatchStage, source: DuplicateSource, pair: tuple[str, str], now: datetime
) -> DuplicateCase:
    """Return a case of two customers; their ids say who registered first."""
    older, newer = sorted(pair)
    return DuplicateCase(new_id("dup", now), merchant_id, older, newer, stage, source, DuplicateState.OPEN, now)
