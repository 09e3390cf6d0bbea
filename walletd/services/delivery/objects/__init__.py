"""Cards at wallets that keep them on servers of their own: sending, save links, what those servers tell."""
