"""`python -m walletd.cli`: the same as `walletd`."""

from __future__ import annotations

from walletd.cli.main import main

if __name__ == "__main__":
    main()
