"""The command line: thin words over bootstrap, services and the loops. `main` is what `walletd` starts."""

from __future__ import annotations

from walletd.cli.main import main

__all__ = ["main"]
