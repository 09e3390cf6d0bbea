"""A fake Google Wallet and a virtual Android phone."""
