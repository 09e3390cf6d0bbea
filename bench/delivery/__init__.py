"""Benches of publishing, delivering and fetching."""
