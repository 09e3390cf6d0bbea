"""walletd: one server that issues loyalty cards into wallets, keeps their balances and updates every phone."""

__version__ = "0.1.0"
