"""Bookings: what a batch of commands does to the books, decided in memory."""
