"""Pure rules and values: no clock, no environment, no database, no web."""
