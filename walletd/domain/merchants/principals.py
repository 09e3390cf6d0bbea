"""Who acts, of which kind, and what it may do: rights, and the scopes of API keys that hold some of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from walletd.domain.errors import Forbidden


class PrincipalKind(StrEnum):
    """What acts; stored with every audit entry for ever.

    Releases before the first staff page know `staff` and `job` too, so that they can read what a later one wrote.
    """

    API_KEY = "api_key"
    STAFF = "staff"
    CUSTOMER = "customer"
    DEVICE = "device"
    JOB = "job"
    COMMAND_LINE = "command_line"
    WALLETD = "walletd"


class Right(StrEnum):
    """What a principal may do. Every right opens at least one route."""

    CUSTOMERS_READ = "customers.read"
    CUSTOMERS_WRITE = "customers.write"
    CUSTOMERS_EXPORT = "customers.export"
    CUSTOMERS_PERSONAL_DATA = "customers.personal_data"
    CUSTOMERS_IMPORT = "customers.import"
    CUSTOMERS_ERASE = "customers.erase"
    CARDS_READ = "cards.read"
    CARDS_ISSUE = "cards.issue"
    CARDS_REVOKE = "cards.revoke"
    CARDS_REWRITE_KEY = "cards.rewrite_key"
    MERGE = "merge"
    LEDGER_BOOK = "ledger.book"
    LEDGER_ADJUST = "ledger.adjust"
    PROGRAMS_WRITE = "programs.write"
    MESSAGES_SEND = "messages.send"
    SYSTEM_READ = "system.read"
    SYSTEM_WRITE = "system.write"
    AUDIT_READ = "audit.read"


SCOPES: Final[Mapping[str, frozenset[Right]]] = {
    "cards:read": frozenset({Right.CARDS_READ}),
    "cards:write": frozenset({Right.CARDS_ISSUE, Right.CARDS_REVOKE, Right.CARDS_REWRITE_KEY, Right.MESSAGES_SEND}),
    "ledger:write": frozenset({Right.LEDGER_BOOK, Right.LEDGER_ADJUST}),
    "customers:read": frozenset({Right.CUSTOMERS_READ, Right.CUSTOMERS_EXPORT}),
    "customers:write": frozenset({Right.CUSTOMERS_WRITE, Right.MERGE}),
    "admin": frozenset(Right),
}
"""Bundles of rights that an API key may be made with. `admin` has all; any other right is in at most one of them."""

GRANTS: Final = (*SCOPES, *Right)
"""What an API key may be made with: scopes, and single rights."""

_KINDS: Final = {
    "cli": PrincipalKind.COMMAND_LINE,
    "phone": PrincipalKind.DEVICE,
    "holder": PrincipalKind.CUSTOMER,
    "walletd": PrincipalKind.WALLETD,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The one who acts, and the merchant in whose rows everything happens.

    `id` is the id of an API key, or `cli`, `phone`, `holder`, `walletd`.
    """

    merchant_id: str
    kind: PrincipalKind
    id: str
    name: str
    rights: frozenset[Right] = frozenset()

    def require(self, right: Right) -> None:
        """Raise Forbidden unless the right is among the principal's."""
        if right not in self.rights:
            raise Forbidden(f"This API key lacks the right {right}.", right=right, scope=scope_with(right))


def walletd(merchant_id: str) -> Principal:
    """Return walletd itself, for what time alone brings about."""
    return Principal(merchant_id, PrincipalKind.WALLETD, "walletd", "walletd")


def rights_of(grants: Iterable[str]) -> frozenset[Right]:
    """Return the rights that scopes and names of rights hold; a name that this release does not know holds none."""
    known = {**SCOPES, **{right.value: frozenset({right}) for right in Right}}
    return frozenset[Right]().union(*(known.get(grant, frozenset()) for grant in grants))


def scope_with(right: Right) -> str:
    """Return the smallest scope that has a right."""
    return next(scope for scope, rights in SCOPES.items() if right in rights)


def kind_of(actor: str, stored: str | None) -> PrincipalKind:
    """Return the kind of an actor as stored; rows from before kinds were stored have none, there its id says it."""
    return _KINDS.get(actor, PrincipalKind.API_KEY) if stored is None else PrincipalKind(stored)
