"""Commands about merchants, their wallets and their keys."""
