"""Templates: folders as Apple draws them, read and checked."""
