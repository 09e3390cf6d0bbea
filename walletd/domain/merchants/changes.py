"""Changes of merchants and their API keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from walletd.domain.changes import OfRow


@dataclass(frozen=True, slots=True)
class ApiKeyCreated(OfRow):
    """An API key was made."""

    scopes: Sequence[str]


class ApiKeyRevoked(OfRow):
    """An API key is refused from now on."""

    __slots__ = ()


class MerchantCreated(OfRow):
    """A merchant was made."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PoliciesSet(OfRow):
    """What customers may ask for, and when staff are written to, was decided."""

    policies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CredentialsSet(OfRow):
    """A merchant has new credentials for a wallet."""

    platform: str


class ServiceMailSet(OfRow):
    """The service mailbox is another one."""

    __slots__ = ()


class TillFolderSet(OfRow):
    """The till takes its files from another place."""

    __slots__ = ()
