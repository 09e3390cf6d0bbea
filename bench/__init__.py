"""Benchmarks: how close walletd comes to what the machine can do. `python -m bench` runs them and prints a table."""
