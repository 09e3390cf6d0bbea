"""The tests of walletd, by floor; tests/house checks the house itself."""
