"""Classes at wallets' servers are due when a program or the way to the wallet changes: at configuration time."""

from __future__ import annotations

from datetime import datetime

from walletd.db.delivery import wallet_classes
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.services.runtime import Runtime


def raise_due(tx: Tx, runtime: Runtime, merchant_id: str, now: datetime) -> None:
    """Make the classes of all programs of a merchant due, at every such wallet that the merchant uses.

    One that turns out to be unchanged costs no call.
    """
    for row in merchants.all_credentials(tx):
        if row.merchant_id == merchant_id and row.platform in runtime.object_platforms:
            wallet_classes.raise_due(tx, row.platform, merchant_id, now)
            tx.announce("objects")
