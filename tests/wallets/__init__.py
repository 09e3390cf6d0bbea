"""Tests of the wallets behind the port."""
