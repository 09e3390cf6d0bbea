"""Tests of Google Wallet."""
