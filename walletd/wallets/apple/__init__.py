"""Apple Wallet: certificates, pass.json, the signed archive, and the pushes that say something newer is there.

Bootstrap builds `platform.ApplePlatform`; everybody else knows the port `walletd.wallets.WalletPlatform` only.
"""
