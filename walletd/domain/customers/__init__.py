"""Customers: master data, lists, consent, duplicates, merges, erasures."""
