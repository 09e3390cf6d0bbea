"""API keys: made, checked and revoked. A secret is shown once; only its hash is stored."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.merchants import api_keys
from walletd.db.merchants.api_keys import ApiKeyRow
from walletd.domain.errors import NotFound, Unauthenticated
from walletd.domain.identifiers import new_id, new_secret
from walletd.domain.merchants.changes import ApiKeyCreated, ApiKeyRevoked
from walletd.domain.merchants.principals import GRANTS, Principal, PrincipalKind, rights_of
from walletd.domain.validation import check_name, invalid
from walletd.services.changes.recorder import record
from walletd.services.runtime import Runtime

_PREFIX: Final = "wd_"
_TRUSTED_SECONDS: Final = 1.0
_TRUSTED_MAX: Final = 1000


class ApiKeys:
    """Use cases about API keys."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._trusted: dict[str, tuple[Principal, float]] = {}
        self._asked: dict[str, tuple[asyncio.Future[ApiKeyRow | None], float]] = {}

    async def authenticate(self, presented: str) -> Principal:
        """Return who presents this secret; a revocation counts within a second. Raises Unauthenticated."""
        secret_hash = hashlib.sha256(presented.encode("utf-8", "replace")).hexdigest()
        moment = asyncio.get_running_loop().time()
        known = self._trusted.get(secret_hash)
        if known is not None and moment - known[1] < _TRUSTED_SECONDS:
            return known[0]
        if not presented.startswith(_PREFIX):
            raise Unauthenticated
        row, moment = await self._find(secret_hash, moment)
        if row is None:
            self._trusted.pop(secret_hash, None)
            raise Unauthenticated
        principal = Principal(row.merchant_id, PrincipalKind.API_KEY, row.id, row.name, rights_of(row.scopes))
        if len(self._trusted) >= _TRUSTED_MAX:
            self._trusted.clear()
        self._trusted[secret_hash] = (principal, moment)
        return principal

    async def _find(self, secret_hash: str, moment: float) -> tuple[ApiKeyRow | None, float]:
        """Read a key, and return since when it is known; who comes while it is being read waits for the same answer.

        Else all connections of a busy shop would read their one key at once, every time it is no longer trusted.
        """
        asked = self._asked.get(secret_hash)
        if asked is None:
            read = self._runtime.database.read(api_keys.find, secret_hash)
            asked = self._asked[secret_hash] = (asyncio.ensure_future(read), moment)
            asked[0].add_done_callback(lambda _: self._asked.pop(secret_hash, None))
        # Shielded: a client that goes away must not take the answer from the others.
        return await asyncio.shield(asked[0]), asked[1]

    async def create(self, by: Principal, name: str, scopes: tuple[str, ...]) -> tuple[ApiKeyRow, str]:
        """Make a key and return it with its secret; raises ValidationFailed."""
        unknown = [scope for scope in scopes if scope not in GRANTS]
        if unknown or not scopes:
            raise invalid("/scopes", f"must be some of {', '.join(GRANTS)}")
        now = self._runtime.clock()
        secret = _PREFIX + new_secret()
        row = ApiKeyRow(new_id("key", now), by.merchant_id, check_name(name), scopes, now, None)

        def write(tx: Tx) -> None:
            api_keys.insert(tx, row, hashlib.sha256(secret.encode()).hexdigest())
            record(tx, by, now, ApiKeyCreated(row.id, scopes))

        await self._runtime.database.write(write)
        return row, secret

    async def list(self, merchant_id: str) -> list[ApiKeyRow]:
        """Return all keys of a merchant, revoked ones too."""
        return await self._runtime.database.read(api_keys.of_merchant, merchant_id)

    async def revoke(self, by: Principal, key_id: str) -> None:
        """Revoke a key; raises NotFound."""
        now = self._runtime.clock()

        def write(tx: Tx) -> bool:
            revoked = api_keys.revoke(tx, by.merchant_id, key_id, now)
            if revoked:
                record(tx, by, now, ApiKeyRevoked(key_id))
            return revoked

        if not await self._runtime.database.write(write):
            raise NotFound(f"There is no living API key {key_id}.")
        self._trusted.clear()
