"""What the settings and the log lines promise."""
