"""Real processes on both engines: started, stopped, killed, and several at once."""
