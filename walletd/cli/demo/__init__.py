"""`walletd demo`: a shop, phones, and the world outside."""
