"""Callbacks of Google: real ones verify as recorded, and no other, nor one a millisecond too late."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from tests.wallets.google.signer import Signer, new_key, spki
from walletd.domain.calendar import from_milliseconds
from walletd.wallets.google.callbacks import CallbackRefused, RootKey, read_root_keys, verify

_RECORDED = json.loads((Path(__file__).parent / "callbacks.json").read_text())
RECORDED = {item["name"]: item for item in _RECORDED["callbacks"]}
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def real_root() -> RootKey:
    """The key that signed the recorded callbacks, still valid."""
    key = load_der_public_key(b64decode(_RECORDED["root_key"]))
    return RootKey(key, datetime(2100, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]  # one on P-256


def raw(callback: dict[str, Any]) -> bytes:
    """A callback as it comes over the wire."""
    return json.dumps(callback).encode()


def refused(callback: dict[str, Any] | bytes, signer: Signer, now: datetime = NOW, issuer: str | None = None) -> str:
    """Why a callback is refused."""
    body = callback if isinstance(callback, bytes) else raw(callback)
    with pytest.raises(CallbackRefused) as error:
        verify(body, read_root_keys(signer.keys_document()), [issuer or signer.issuer], now)
    return str(error.value)


@pytest.mark.parametrize("name", [name for name, item in RECORDED.items() if item["root_is_known"]])
def test_a_real_callback_is_verified_until_its_last_millisecond(name: str) -> None:
    """Google's own signatures, keys and texts; a millisecond after the end it is refused."""
    item = RECORDED[name]
    said = json.loads(item["body"]["signedMessage"])
    ends_at = from_milliseconds(said["expTimeMillis"])
    for moment in (from_milliseconds(item["verify_at"]), ends_at - MILLISECOND):
        found = verify(raw(item["body"]), [real_root()], ["1", item["issuer_id"]], moment)
        assert (found.issuer_id, found.class_id, found.event) == (item["issuer_id"], said["classId"], said["eventType"])
        assert found.object_ids == tuple(said.get("objectIds") or [said["objectId"]])
        assert (found.nonce, found.expires_at) == (said["nonce"], ends_at)
    for late in (ends_at, ends_at + MILLISECOND):
        with pytest.raises(CallbackRefused, match="the message has expired"):
            verify(raw(item["body"]), [real_root()], [item["issuer_id"]], late)


def test_a_real_callback_under_another_root_key_is_refused() -> None:
    """Several root keys are alive at Google; only those that it publishes now vouch for anybody."""
    item = RECORDED["save-of-another-root"]
    with pytest.raises(CallbackRefused, match="not signed by a living root key"):
        verify(raw(item["body"]), [real_root()], [item["issuer_id"]], from_milliseconds(item["verify_at"]))


@pytest.mark.parametrize("place", ["signature", "signedMessage", "signedKey", "signatures", "protocolVersion"])
def test_a_real_callback_with_one_byte_flipped_is_refused(place: str) -> None:
    """Wherever the byte is."""
    item = RECORDED["save"]
    body = json.loads(json.dumps(item["body"]))
    key = body["intermediateSigningKey"]
    if place in {"signature", "signatures"}:
        holder, name = (body, "signature") if place == "signature" else (key["signatures"], 0)
        value = bytearray(b64decode(holder[name]))
        value[20] ^= 1
        holder[name] = b64encode(bytes(value)).decode()
    else:
        holder = key if place == "signedKey" else body
        text = holder[place]
        holder[place] = text[:9] + chr(ord(text[9]) ^ 1) + text[10:]
    with pytest.raises(CallbackRefused):
        verify(raw(body), [real_root()], [item["issuer_id"]], from_milliseconds(item["verify_at"]))


def test_a_real_callback_whose_key_was_written_anew_is_refused() -> None:
    """The signature covers the text as received: the same key with other escapes is another text."""
    item = RECORDED["save"]
    body = json.loads(json.dumps(item["body"]))
    key = body["intermediateSigningKey"]
    anew = json.dumps(json.loads(key["signedKey"]), separators=(",", ":"))
    assert anew != key["signedKey"]
    key["signedKey"] = anew
    with pytest.raises(CallbackRefused):
        verify(raw(body), [real_root()], [item["issuer_id"]], from_milliseconds(item["verify_at"]))


def test_a_callback_for_another_issuer_is_refused() -> None:
    """Also a real one: what Google says to somebody else means nothing here."""
    item = RECORDED["removal"]
    with pytest.raises(CallbackRefused, match="not signed for one of our issuers"):
        verify(raw(item["body"]), [real_root()], ["3388000000099999999"], from_milliseconds(item["verify_at"]))


def test_lengths_are_counted_in_bytes() -> None:
    """A text with umlauts has more bytes than characters."""
    signer = Signer(NOW)
    found = verify(raw(signer.callback()), read_root_keys(signer.keys_document()), [signer.issuer], NOW)
    assert found.object_ids == (f"{signer.issuer}.card-ä",)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"sender": "GoogleWalletPasses"}, "living root key"),
        ({"protocol": "ECv2"}, "protocol"),
        ({"root_lasts": timedelta(0)}, "living root key"),
        ({"intermediate_lasts": timedelta(0)}, "intermediate key has expired"),
        ({"message_lasts": timedelta(0)}, "message has expired"),
    ],
)
def test_a_signer_that_is_not_google_or_too_old_is_refused(wrong: dict[str, Any], why: str) -> None:
    """One condition at a time; a millisecond before its end each key and message still counts."""
    signer = Signer(NOW, **wrong)
    assert why in refused(signer.callback(), signer)
    for name, value in wrong.items():
        if isinstance(value, timedelta):
            setattr(signer, name, value + MILLISECOND)
            found = verify(raw(signer.callback()), read_root_keys(signer.keys_document()), [signer.issuer], NOW)
            assert found.event == "save"


def test_a_key_that_google_never_published_vouches_for_nobody() -> None:
    """Whoever signs with a root of his own is refused."""
    assert "living root key" in refused(Signer(NOW).callback(), Signer(NOW))


@pytest.mark.parametrize(
    "changed",
    [
        {"classId": "3388000000099999999.program"},
        {"objectId": "3388000000099999999.card"},
        {"objectId": None},
        {"objectIds": ["3388000000012345678.a", 7]},
        {"objectIds": ["3388000000012345678.a"] * 101},
        {"nonce": None},
        {"nonce": ""},
        {"eventType": 5},
        {"expTimeMillis": None},
        {"expTimeMillis": True},
        {"expTimeMillis": 10**30},
        {"expTimeMillis": "soon"},
    ],
)
def test_what_google_signed_but_cannot_mean_us_is_refused(changed: dict[str, Any]) -> None:
    """Signed is not enough: names of other issuers, missing fields and endless lists have no effect."""
    signer = Signer(NOW)
    assert refused(signer.callback(**changed), signer)


def test_an_event_that_nobody_knows_yet_is_read_all_the_same() -> None:
    """Whoever asks for it decides that it means nothing."""
    signer = Signer(NOW)
    body = raw(signer.callback(eventType="activate", deviceContext="x", more={"a": [1]}))
    assert verify(body, read_root_keys(signer.keys_document()), [signer.issuer], NOW).event == "activate"


_BROKEN: list[Callable[[dict[str, Any]], object]] = [
    lambda callback: callback.pop("signature"),
    lambda callback: callback.update(signature="=" * 5),
    lambda callback: callback.update(signature="ü"),
    lambda callback: callback.update(signature=b64encode(b"no signature").decode()),
    lambda callback: callback.update(signedMessage=7),
    lambda callback: callback.update(signedMessage="\ud800"),
    lambda callback: callback.update(intermediateSigningKey=[]),
    lambda callback: callback["intermediateSigningKey"].update(signatures=[]),
    lambda callback: callback["intermediateSigningKey"].update(signatures=["AAAA"] * 11),
    lambda callback: callback["intermediateSigningKey"].update(signedKey="{}"),
]


@pytest.mark.parametrize("place", range(len(_BROKEN)))
def test_a_callback_that_is_broken_is_refused(place: int) -> None:
    """Each member in turn; nothing but a refusal comes of it."""
    signer = Signer(NOW)
    callback = signer.callback()
    _BROKEN[place](callback)
    assert refused(callback, signer)


@pytest.mark.parametrize("message", ["", "[]", "nonsense", "{" * 50_000, '{"classId":'])
def test_a_signed_text_that_is_no_message_is_refused(message: str) -> None:
    """Even where the signatures fit."""
    signer = Signer(NOW)
    assert refused(signer.callback(message), signer)


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_no_body_does_anything_but_be_refused(body: bytes | str) -> None:
    """Any bytes, any JSON."""
    with pytest.raises(CallbackRefused):
        verify(body if isinstance(body, bytes) else body.encode(), [real_root()], ["1"], NOW)


def test_only_keys_for_callbacks_are_taken_from_the_key_document() -> None:
    """Other protocols, keys without an end, other curves and garbage are left out; the rest still counts."""
    signer = Signer(NOW)
    good = {"keyValue": spki(new_key()), "protocolVersion": "ECv2SigningOnly", "keyExpiration": "4102444800000"}
    other_curve = spki(generate_private_key(SECP384R1()))
    strange = [
        {**good, "protocolVersion": "ECv2"},
        {name: value for name, value in good.items() if name != "keyExpiration"},
        {**good, "keyValue": other_curve},
        {**good, "keyValue": "AAAA"},
        {**good, "keyExpiration": "never"},
        "a text",
    ]
    assert len(read_root_keys(signer.keys_document(*strange))) == 1
    for document in (b"", b"[]", b"{}", b'{"keys": 5}'):
        with pytest.raises(CallbackRefused):
            read_root_keys(document)
