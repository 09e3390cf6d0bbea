"""Idempotency: the same key has the same effect, for ever (P3).

The key is taken in the transaction that it protects. A refusal for a reason of state is an answer too and is repeated;
a request that was not even well formed leaves no trace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.merchants import idempotency
from walletd.db.merchants.idempotency import IdempotencyRow
from walletd.domain.errors import (
    Conflict,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    IdempotencyKeySpent,
    WalletdError,
    error_for,
)
from walletd.domain.ledger.entries import request_hash
from walletd.domain.merchants.principals import Principal
from walletd.services.runtime import Vault

_KEY_LENGTH_MAX: Final = 255
_CREATED: Final = 201
_DECLINED: Final = 409
_SEALED_AS: Final = "answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the API sends it: status and JSON body."""

    status: int
    body: bytes
    replayed: bool

    @classmethod
    def created(cls, document: Mapping[str, object]) -> Answer:
        """Return the first answer to a request that made something."""
        return cls(_CREATED, encode(document), replayed=False)


@dataclass(frozen=True, slots=True)
class Protected:
    """A request under an idempotency key."""

    principal: Principal
    route: str
    key: str
    request: Mapping[str, object]
    vault: Vault | None = None
    """Seals the answer in the database; for answers that hold what nobody may read there."""

    def seal(self, body: bytes) -> bytes:
        """Return a body as it is stored."""
        return body if self.vault is None else self.vault.seal(body, self.principal.merchant_id, _SEALED_AS)

    def open(self, stored: bytes) -> bytes:
        """Return a body as it was sent; a route may have stored bare JSON before it began to seal."""
        if self.vault is None or stored.startswith(b"{"):
            return stored
        return self.vault.open(stored, self.principal.merchant_id, _SEALED_AS)

    def row(self, now: datetime) -> IdempotencyRow:
        """Return the record that takes the key."""
        return IdempotencyRow(
            merchant_id=self.principal.merchant_id,
            owner=self.principal.id,
            route=self.route,
            key=self.key,
            request_hash=request_hash(self.request),
            status=0,
            subject=None,
            body=None,
            created_at=now,
        )


def check_key(key: str) -> str:
    """Return a well-formed idempotency key; raises IdempotencyKeyInvalid."""
    if not 1 <= len(key) <= _KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise IdempotencyKeyInvalid
    return key


def encode(document: Mapping[str, object]) -> bytes:
    """Return the JSON of an answer; equal documents give equal bytes."""
    return _to_json(document).encode()


_to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def once(
    tx: Tx, protected: Protected, now: datetime, work: Callable[[], tuple[str, Mapping[str, object]]]
) -> Answer | WalletdError:
    """Run `work` under its key, or repeat the answer that the key had.

    `work` returns the id of what it made and the document to answer. A Conflict it raises is stored as the answer, so
    it must be raised before anything is written. Returned errors are for the caller to raise after the commit. Raises
    IdempotencyKeyReused, IdempotencyKeySpent.
    """
    row = protected.row(now)
    earlier = idempotency.claim_key(tx, row)
    if earlier is not None:
        return repeat(protected, earlier, row)
    try:
        subject, document = work()
    except Conflict as error:
        idempotency.settle_key(tx, declined(protected, row, error))
        return error
    answer = Answer.created(document)
    idempotency.settle_key(tx, answered(protected, row, subject, answer.body))
    return answer


def answered(protected: Protected, row: IdempotencyRow, subject: str, body: bytes) -> IdempotencyRow:
    """Return the record of a key with the answer it had."""
    return replace(row, status=_CREATED, subject=subject, body=protected.seal(body))


def declined(protected: Protected, row: IdempotencyRow, error: Conflict) -> IdempotencyRow:
    """Return the record of a key with the refusal it had."""
    refusal = {"code": error.code, "detail": error.detail, "facts": error.facts}
    return replace(row, status=_DECLINED, body=protected.seal(encode(refusal)))


def repeat(protected: Protected, earlier: IdempotencyRow, row: IdempotencyRow) -> Answer | WalletdError:
    """Return the answer that a key had; raises IdempotencyKeyReused, IdempotencyKeySpent."""
    if earlier.request_hash != row.request_hash:
        raise IdempotencyKeyReused
    if earlier.body is None:
        raise IdempotencyKeySpent(subject=earlier.subject)
    body = protected.open(earlier.body)
    if earlier.status == _CREATED:
        return Answer(_CREATED, body, replayed=True)
    refusal = json.loads(body)
    error = error_for(refusal["code"], refusal["detail"], refusal["facts"])
    error.replayed = True
    return error
