"""Commands that serve and watch."""
