"""Benches of imports."""
