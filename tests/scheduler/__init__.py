"""When scheduled work is due: time zones, catching up, several schedulers."""
