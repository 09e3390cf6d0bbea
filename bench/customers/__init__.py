"""Benches of looking up, and the soak of merges."""
