"""When scheduled work is done, never what it is: that stands in walletd's services. `python -m scheduler` runs it."""
