"""Bookings in batches: whatever arrived while the last commit ran is loaded, decided in memory and stored at once."""
