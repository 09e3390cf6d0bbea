"""Merchants: who owns everything else, who acts for them, and what was done."""
