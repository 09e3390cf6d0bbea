"""Channels: ways to tell somebody something that is not a wallet. Services see the ports in `services/runtime.py`."""
