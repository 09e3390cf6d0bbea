"""Callbacks of Google on save and removal: who signed them, and for whom (G4.2, G4.3).

Two signatures stand behind a callback: a root key, which Google publishes, signs an intermediate key, and that key
signs the message. Both cover the raw texts as they were received; written anew, they would no longer fit.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from walletd.domain.calendar import from_milliseconds

SENDER: Final = "GooglePayPasses"
PROTOCOL: Final = "ECv2SigningOnly"
_SIGNATURES_MAX: Final = 10
_OBJECTS_MAX: Final = 100
_ECDSA: Final = ECDSA(SHA256())


class CallbackRefused(Exception):
    """A callback that Google did not make for us, or that came too late; the message is for the log alone."""


@dataclass(frozen=True, slots=True)
class RootKey:
    """A key that Google publishes, and until when it may vouch for others."""

    key: EllipticCurvePublicKey
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Callback:
    """What Google says happened, proved to be Google's word and meant for one of our issuers."""

    issuer_id: str
    class_id: str
    object_ids: tuple[str, ...]
    event: str
    """`save` and `del`; others may come and mean nothing to us."""
    nonce: str
    expires_at: datetime
    """Until then the nonce has to be remembered."""


def read_root_keys(document: bytes) -> list[RootKey]:
    """Return the keys of Google's key document that may sign callbacks; raises CallbackRefused where it is none.

    Keys of other protocols, without an end, or in a form that we cannot read are left out.
    """
    listed = _object(document, "the key document").get("keys")
    if not isinstance(listed, list):
        _refuse("the key document lists no keys")
    found = []
    for item in listed:
        if not isinstance(item, dict) or item.get("protocolVersion") != PROTOCOL:
            continue
        try:
            found.append(RootKey(_public_key(item.get("keyValue")), _moment(item.get("keyExpiration"))))
        except CallbackRefused:
            continue
    return found


def verify(body: bytes, root_keys: Iterable[RootKey], issuer_ids: Collection[str], now: datetime) -> Callback:
    """Return what a callback says; raises CallbackRefused for anything that is not proved to be Google's and ours."""
    envelope = _object(body, "the body")
    if envelope.get("protocolVersion") != PROTOCOL:
        _refuse("the protocol is not ECv2SigningOnly")
    message, signature = _text(envelope, "signedMessage"), _decoded(envelope.get("signature"))
    signing_key = _intermediate_key(envelope.get("intermediateSigningKey"), root_keys, now)
    issuer_id = next(
        (
            issuer_id
            for issuer_id in issuer_ids
            if _is_signed(signing_key, signature, (SENDER, issuer_id, PROTOCOL, message))
        ),
        None,
    )
    if issuer_id is None:
        _refuse("the message is not signed for one of our issuers")
    return _read(message.encode(), issuer_id, now)


def _intermediate_key(holder: object, root_keys: Iterable[RootKey], now: datetime) -> EllipticCurvePublicKey:
    if not isinstance(holder, dict):
        _refuse("there is no intermediate key")
    signed_key, signatures = _text(holder, "signedKey"), holder.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _SIGNATURES_MAX:
        _refuse("the intermediate key has no signatures, or too many")
    living = [root.key for root in root_keys if root.expires_at > now]
    parts = (SENDER, PROTOCOL, signed_key)
    decoded = [_decoded(signature) for signature in signatures]
    if not any(_is_signed(root, signature, parts) for root in living for signature in decoded):
        _refuse("the intermediate key is not signed by a living root key")
    content = _object(signed_key.encode(), "the intermediate key")
    if _moment(content.get("keyExpiration")) <= now:
        _refuse("the intermediate key has expired")
    return _public_key(content.get("keyValue"))


def _read(message: bytes, issuer_id: str, now: datetime) -> Callback:
    content = _object(message, "the message")
    expires_at = _moment(content.get("expTimeMillis"))
    if expires_at <= now:
        _refuse("the message has expired")
    many, one = content.get("objectIds"), content.get("objectId")
    object_ids = many if isinstance(many, list) else [one]
    class_id, event, nonce = _text(content, "classId"), _text(content, "eventType"), _text(content, "nonce")
    if len(object_ids) > _OBJECTS_MAX:
        _refuse("the message names too many objects")
    names = [name for name in (class_id, *object_ids) if isinstance(name, str) and name.startswith(f"{issuer_id}.")]
    if len(names) != 1 + len(object_ids):
        _refuse("the message names what is not of the issuer it is signed for")
    return Callback(issuer_id, class_id, tuple(names[1:]), event, nonce, expires_at)


def _is_signed(key: EllipticCurvePublicKey, signature: bytes, parts: Sequence[str]) -> bool:
    """Say whether a signature fits texts, each after its length in bytes, four of them, the lowest first."""
    texts = [part.encode() for part in parts]
    signed = b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    try:
        key.verify(signature, signed, _ECDSA)
    except InvalidSignature:
        return False
    return True


def _public_key(value: object) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(_decoded(value))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CallbackRefused("a key cannot be read") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        _refuse("a key is not one on P-256")
    return key


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CallbackRefused(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        _refuse(f"{what} is not an object")
    return value


def _text(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value or not value.isprintable() or not _encodes(value):
        _refuse(f"{name} is missing")
    return value


def _encodes(text: str) -> bool:
    """Say whether a text has bytes; half of a surrogate pair has none."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _decoded(value: object) -> bytes:
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else _refuse("a signature or key is missing")
    except (binascii.Error, ValueError) as error:
        raise CallbackRefused("a signature or key is not base64") from error


def _moment(value: object) -> datetime:
    """Return the instant of milliseconds, which Google writes as a number or as a text."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            _refuse("an end is missing")
        return from_milliseconds(int(value))
    except (ValueError, OverflowError) as error:
        raise CallbackRefused("an end is not an instant") from error


def _refuse(why: str) -> NoReturn:
    raise CallbackRefused(why)
