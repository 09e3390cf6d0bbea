"""A virtual iPhone."""
