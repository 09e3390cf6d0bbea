"""The ledger: accounts, entries, lots, bookings, redemptions, proof and reports."""
