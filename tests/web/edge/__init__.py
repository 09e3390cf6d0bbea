"""The edge: what is done to every request before a route sees it."""
