"""Errors about wallets that keep cards on servers of their own."""

from __future__ import annotations

from walletd.domain.errors import WalletdError


class WalletUnavailable(WalletdError):
    """The wallet's own server does not take the card now; try again in a minute."""

    code = "wallet_unavailable"
