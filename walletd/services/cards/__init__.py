"""Cards: programs, cards and their keys."""
