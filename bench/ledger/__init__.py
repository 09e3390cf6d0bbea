"""Benches of the ledger."""
