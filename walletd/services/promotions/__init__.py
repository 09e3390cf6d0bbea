"""Promotions: what a customer ordered and gave back."""
