"""Merging two customers: what a merge would do, doing it, and undoing it."""
