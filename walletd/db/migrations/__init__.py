"""Alembic migrations: numbered, never edited after a release."""
