"""The documentation: what it shows runs, and what it names exists."""
