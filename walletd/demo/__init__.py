"""The outside world in a box: Apple's push service and virtual iPhones, speaking the real protocols.

Nothing in here imports the rest of walletd: what is tested or shown with it is tested or shown over the wire.
"""
