"""Tests of Apple Wallet: certificates, pass.json, the signed archive, pushes."""
