"""What follows a change: one recorder, which knows it from one table."""
