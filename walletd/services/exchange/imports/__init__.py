"""Importing: rows are planned against what is stored, and booked in batches that nobody has to wait for."""
