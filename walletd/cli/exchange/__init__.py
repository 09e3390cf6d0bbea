"""Commands for imports and exports."""
