"""Who acts: an API key of a merchant, with its scopes."""

from __future__ import annotations

from dataclasses import dataclass

from walletd.domain.errors import Forbidden

SCOPES = ("cards:read", "cards:write", "ledger:write", "customers:read", "customers:write", "admin")
"""What an API key may be allowed; `admin` includes all others."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who acts, and the merchant in whose rows everything happens."""

    merchant_id: str
    key_id: str
    name: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the scope is among the key's."""
        if scope not in self.scopes and "admin" not in self.scopes:
            raise Forbidden(f"This API key lacks the scope {scope}.", scope=scope)
