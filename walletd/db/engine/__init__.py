"""The engine: SQLite and PostgreSQL behind one seam, and what every query is built from."""
