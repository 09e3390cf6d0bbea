"""Checkpoints: signed statements about how far every chain of the books had come, so that truncation shows.

A checkpoint covers the accounts that changed since their last one. It names the digest of the checkpoint before, so the
newest one, kept outside of the machine, stands for all of them (P17).
"""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Final

from walletd.domain.calendar import moment_of, rfc3339
from walletd.domain.errors import CheckpointInvalid

GENESIS_DIGEST: Final = "0" * 64
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_TITLE: Final = "walletd ledger checkpoint 1"
_FIELDS: Final = ("number", "time", "accounts", "entries", "heads", "previous")
_LINE: Final = re.compile(r"(number|time|accounts|entries|heads|previous|signature): *(\S+)")


@dataclass(frozen=True, slots=True)
class Head:
    """How far one account's chain had come: its newest entry, and how many entries are new since the head before."""

    account_id: str
    sequence: int
    hash: str
    new: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed; `accounts` counts the heads of this one, `entries` all entries covered up to here."""

    number: int
    created_at: datetime
    accounts: int
    entries: int
    heads_digest: str
    """SHA-256, hex, see `digest_of_heads`."""
    previous_digest: str
    """SHA-256, hex, of the statement before."""

    def statement(self) -> str:
        """Return the text that is signed, as it is printed."""
        values = (
            self.number,
            rfc3339(self.created_at),
            self.accounts,
            self.entries,
            self.heads_digest,
            self.previous_digest,
        )
        lines = [f"{name}: {value}" for name, value in zip(_FIELDS, values, strict=True)]
        return "\n".join((_TITLE, *lines)) + "\n"

    def digest(self) -> str:
        """Return the SHA-256 of the statement, hex: what the next checkpoint names."""
        return hashlib.sha256(self.statement().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with its Ed25519 signature (RFC 8032), base64."""

    checkpoint: Checkpoint
    signature: str

    def text(self) -> str:
        """Return what is mailed, posted or printed: the statement, and a last line with the signature."""
        return f"{self.checkpoint.statement()}signature: {self.signature}\n"


def digest_of_heads(heads: Iterable[Head]) -> str:
    """Return the SHA-256 over heads in order of the bytes of their account's id, hex."""
    digest = hashlib.sha256()
    for head in sorted(heads, key=lambda head: head.account_id):
        digest.update(f"{head.account_id} {head.sequence} {head.hash}\n".encode())
    return digest.hexdigest()


def text_of_file(content: bytes) -> str:
    """Return the text of a file that was kept: as it is, or what a saved mail says, whatever encoded it on its way."""
    mail = email.message_from_bytes(content.removeprefix(_BYTE_ORDER_MARK), policy=policy.default)
    body = mail.get_body(("plain", "html")) if mail["MIME-Version"] and isinstance(mail, EmailMessage) else None
    try:
        return str(body.get_content()) if body is not None else content.decode(errors="replace")
    except (LookupError, ValueError):
        # A character set that does not exist.
        return content.decode(errors="replace")


def read_checkpoint(text: str) -> SignedCheckpoint:
    """Return the checkpoint of a text that may have been mailed, quoted or typed; raises CheckpointInvalid.

    Whitespace, quoting marks and anything around the lines are left out; the signature decides about the rest.
    """
    found: dict[str, str] = {}
    for name, value in _LINE.findall(text):
        if found.setdefault(name, value) != value:
            raise CheckpointInvalid(f"The file names more than one {name}; give one checkpoint.")
    missing = [name for name in (*_FIELDS, "signature") if name not in found]
    if missing or _TITLE not in text:
        raise CheckpointInvalid(f"The file is no checkpoint: {', '.join(missing) or _TITLE} is missing.")
    numbers = [found[name] for name in ("number", "accounts", "entries")]
    created_at = moment_of(found["time"], _EPOCH, UTC)
    if created_at is None or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise CheckpointInvalid("The file is no checkpoint: its time or a number in it cannot be read.")
    number, accounts, entries = (int(number) for number in numbers)
    checkpoint = Checkpoint(number, created_at, accounts, entries, found["heads"], found["previous"])
    return SignedCheckpoint(checkpoint, found["signature"])
