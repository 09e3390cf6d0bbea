"""Ways to till systems."""
