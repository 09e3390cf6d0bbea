"""Delivery: how a change becomes a published pass, and reaches each wallet."""
