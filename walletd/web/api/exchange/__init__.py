"""Exchange: imports and exports."""
