"""Checkpoints of the ledger: made every hour, proved with the books, and compared with a copy from outside."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, checkpoints
from walletd.db.merchants import merchants
from walletd.domain.errors import CheckpointInvalid, Conflict, LedgerUnproved
from walletd.domain.ledger.changes import CheckpointMade
from walletd.domain.ledger.checkpoints import (
    GENESIS_DIGEST,
    Checkpoint,
    Head,
    SignedCheckpoint,
    digest_of_heads,
    read_checkpoint,
    text_of_file,
)
from walletd.domain.merchants.principals import walletd
from walletd.services.changes.recorder import record_all
from walletd.services.runtime import Runtime

_ACCOUNTS_AT_ONCE: Final = 5_000
"""So many accounts are looked at for one checkpoint: no till waits long for the transaction that stores it."""


class Checkpoints:
    """Use cases about checkpoints."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def make(self) -> SignedCheckpoint | None:
        """Cover every entry that no checkpoint covers yet, and return the newest checkpoint; None for empty books.

        Another process that does the same at the same time is harmless: each number is taken once.
        """
        last = ""
        while ids := await self._runtime.database.long_read(
            accounts.ids_after,
            last,
            _ACCOUNTS_AT_ONCE,
        ):
            await self._cover(last, ids[-1])
            last = ids[-1]
        return await self.newest()

    async def newest(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint, None before the first."""
        return await self._runtime.database.read(checkpoints.newest)

    def public_key(self) -> str:
        """Return the public key that verifies checkpoints, PEM."""
        return self._runtime.vault.checkpoint_key_pem()

    def read(self, content: bytes) -> SignedCheckpoint:
        """Return the checkpoint of a file that was kept outside; raises CheckpointInvalid where it is not genuine."""
        signed = read_checkpoint(text_of_file(content))
        if not self._is_genuine(signed):
            raise CheckpointInvalid(
                "The signature is not of this walletd: the file was changed, or belongs to another master key."
            )
        return signed

    async def verify(self, outside: SignedCheckpoint | None = None) -> int:
        """Prove the chain of checkpoints and return how many there are; raises LedgerUnproved at the first fault.

        That the books still hold what the heads say is part of the proof of each account.
        """
        before: Checkpoint | None = None
        count, number, met = 0, 0, outside is None
        while page := await self._runtime.database.long_read(checkpoints.after, number):
            for signed in page:
                heads = await self._runtime.database.long_read(_heads_of, signed.checkpoint.number)
                if fault := self._fault(signed, before, heads):
                    raise LedgerUnproved(f"Checkpoint {signed.checkpoint.number} {fault}.")
                if outside is not None and signed.checkpoint.number == outside.checkpoint.number:
                    met = signed.checkpoint == outside.checkpoint
                before, number = signed.checkpoint, signed.checkpoint.number
            count += len(page)
        if outside is not None and not met:
            raise LedgerUnproved(
                f"Checkpoint {outside.checkpoint.number}, as it was kept outside, is not in these books:"
                " they were cut off, set back to an older state, or written anew."
            )
        return count

    async def _cover(self, after: str, last: str) -> None:
        """Store one checkpoint over what changed in a range of accounts, where anything did."""
        found = await self._runtime.database.long_read(checkpoints.changed_heads, after, last)
        if not found:
            return
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            # Asked again: what was read before may have been covered by another process meanwhile.
            heads = checkpoints.changed_heads(tx, after, last)
            if not heads:
                return
            before = checkpoints.newest(tx)
            checkpoint = Checkpoint(
                number=1 if before is None else before.checkpoint.number + 1,
                created_at=now,
                accounts=len(heads),
                entries=sum(head.new for head in heads) + (0 if before is None else before.checkpoint.entries),
                heads_digest=digest_of_heads(heads),
                previous_digest=GENESIS_DIGEST if before is None else before.checkpoint.digest(),
            )
            signature = self._runtime.vault.sign_checkpoint(checkpoint.statement().encode())
            signed = SignedCheckpoint(checkpoint, b64encode(signature).decode())
            checkpoints.insert(tx, signed, heads)
            made = CheckpointMade(checkpoint.number, signed.text())
            record_all(tx, now, [(walletd(merchant.id), made) for merchant in merchants.all_merchants(tx)])

        try:
            await self._runtime.database.write(write)
        except Conflict:
            await self._cover(after, last)

    def _fault(self, signed: SignedCheckpoint, before: Checkpoint | None, heads: list[Head]) -> str | None:
        checkpoint = signed.checkpoint
        number, entries, digest = (0, 0, GENESIS_DIGEST) if before is None else _facts(before)
        findings = (
            (checkpoint.number != number + 1, f"follows number {number}"),
            (checkpoint.previous_digest != digest, "does not continue the one before"),
            (checkpoint.heads_digest != digest_of_heads(heads), "covers other heads than it was signed for"),
            (checkpoint.accounts != len(heads), "counts its heads wrongly"),
            (checkpoint.entries != entries + sum(head.new for head in heads), "counts its entries wrongly"),
            (not self._is_genuine(signed), "has a signature that is not of this master key"),
        )
        return next((sentence for found, sentence in findings if found), None)

    def _is_genuine(self, signed: SignedCheckpoint) -> bool:
        try:
            signature = b64decode(signed.signature, validate=True)
        except binascii.Error:
            return False
        return self._runtime.vault.is_signed_checkpoint(signed.checkpoint.statement().encode(), signature)


def _facts(checkpoint: Checkpoint) -> tuple[int, int, str]:
    return checkpoint.number, checkpoint.entries, checkpoint.digest()


def _heads_of(tx: Tx, number: int) -> list[Head]:
    # A list, because the connection goes back with the end of the read.
    return list(checkpoints.heads_of(tx, number))
