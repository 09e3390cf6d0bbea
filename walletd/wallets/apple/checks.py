"""The checks on pass credentials (A5, numbers 2 to 7): each a finding with its cure.

`walletd doctor` shows all findings; `require_usable` turns the first failure into CertificateInvalid.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography.x509.oid import NameOID
from OpenSSL import crypto

from walletd.domain.checks import Check, CheckLevel
from walletd.domain.errors import CertificateInvalid, SigningUnavailable
from walletd.wallets.apple.credentials import PassCredentials, fits, issued
from walletd.wallets.apple.signing import Signer

WARNING_DAYS = 60
"""Days before the end from which a warning is due (P15); how urgent it is, the days in it say."""

EXPIRY_CHECKS = frozenset({"validity"})
"""Checks that fail by time alone: credentials that fail only these stay configured, but sign nothing."""

_PROBE = b'{\n  "icon.png": "da39a3ee5e6b4b0d3255bfef95601890afd80709",\n  "pass.json": ""\n}\n'


def examine(credentials: PassCredentials, now: datetime, expected_pass_type: str | None = None) -> tuple[Check, ...]:
    """Run every check at the instant `now` (aware); never raises."""
    return (
        _key(credentials),
        _identity(credentials, expected_pass_type),
        _team(credentials),
        _issuer(credentials),
        _validity(credentials, now),
        _test_signature(credentials, now),
        _kind(credentials),
    )


def require_usable(credentials: PassCredentials, now: datetime, expected_pass_type: str | None = None) -> None:
    """Refuse credentials with any failure, an expired one included: for new certificates. Raises CertificateInvalid."""
    refuse_failures(examine(credentials, now, expected_pass_type))


def refuse_failures(findings: Sequence[Check], forgiven: frozenset[str] = frozenset()) -> None:
    """Raise CertificateInvalid for the first failure whose check is not forgiven."""
    for finding in findings:
        if finding.level == CheckLevel.FAILURE and finding.name not in forgiven:
            raise CertificateInvalid(f"{finding.detail}. {finding.cure}", check=finding.name)


def _key(credentials: PassCredentials) -> Check:
    if fits(credentials.leaf, credentials.key):
        return Check("key", CheckLevel.OK, "Certificate and private key belong together")
    return Check(
        "key",
        CheckLevel.FAILURE,
        "The private key does not belong to this certificate",
        "Use the key that made the signing request, or export both together from the keychain as .p12",
    )


def _identity(credentials: PassCredentials, expected: str | None) -> Check:
    named = {
        "user ID": credentials.pass_type_identifier,
        "common name": credentials.common_name_suffix,
        "extension 1.2.840.113635.100.6.1.16": credentials.extension_identifier,
    }
    if expected is not None:
        named["configured"] = expected
    if len(set(named.values())) == 1 and credentials.pass_type_identifier:
        return Check("identity", CheckLevel.OK, f"Pass type identifier {credentials.pass_type_identifier}")
    said = ", ".join(f"{place}: {value or 'missing'}" for place, value in named.items())
    return Check(
        "identity",
        CheckLevel.FAILURE,
        f"The pass type identifier is not the same everywhere ({said})",
        "Use the certificate that Apple issued for this Pass Type ID",
    )


def _team(credentials: PassCredentials) -> Check:
    if credentials.team_identifier:
        return Check("team", CheckLevel.OK, f"Team identifier {credentials.team_identifier}")
    return Check(
        "team",
        CheckLevel.FAILURE,
        "The certificate names no team (organisational unit)",
        "Use a Pass Type ID certificate of an Apple developer team",
    )


def _issuer(credentials: PassCredentials) -> Check:
    issuer = credentials.leaf.issuer.rfc4514_string()
    if not credentials.chain or not issued(credentials.chain[0], credentials.leaf) or not _verified(credentials):
        return Check(
            "issuer",
            CheckLevel.FAILURE,
            f"No loaded intermediate certificate has issued this one (issuer: {issuer})",
            "Download the intermediate named as issuer from Apple's certificate authority page and pass it along",
        )
    organization = credentials.leaf.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    if not credentials.demo and [attribute.value for attribute in organization] != ["Apple Inc."]:
        return Check(
            "issuer",
            CheckLevel.FAILURE,
            f"The certificate was not issued by Apple (issuer: {issuer})",
            "iPhones accept passes with Apple's certificates only; request one for your Pass Type ID",
        )
    return Check("issuer", CheckLevel.OK, f"Issued by {issuer}")


def _verified(credentials: PassCredentials) -> bool:
    """Let OpenSSL build the chain up to the intermediate; Apple's root is not needed (PARTIAL_CHAIN).

    Time is checked by a finding of its own, so the clock is set to an instant at which all were valid. Apple's own
    critical extensions are unknown to OpenSSL (IGNORE_CRITICAL); purposes are never checked.
    """
    store = crypto.X509Store()
    for certificate in credentials.chain:
        store.add_cert(crypto.X509.from_cryptography(certificate))
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN | crypto.X509StoreFlags.IGNORE_CRITICAL)
    store.set_time(credentials.not_valid_before)
    try:
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(credentials.leaf)).verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


def _validity(credentials: PassCredentials, now: datetime) -> Check:
    end = credentials.not_valid_after
    which = "pass certificate" if end == credentials.leaf.not_valid_after_utc else "intermediate certificate"
    renewal = "Create a new certificate for the same Pass Type ID and load it; installed passes stay valid"
    if now > end:
        return Check("validity", CheckLevel.FAILURE, f"The {which} ended on {end:%Y-%m-%d}", renewal)
    if now < credentials.not_valid_before:
        start = credentials.not_valid_before
        return Check("validity", CheckLevel.FAILURE, f"The certificate starts on {start:%Y-%m-%d}", "Check the clock")
    days = (end - now).days
    if days <= WARNING_DAYS:
        return Check("validity", CheckLevel.WARNING, f"The {which} ends in {days} days, on {end:%Y-%m-%d}", renewal)
    return Check("validity", CheckLevel.OK, f"Valid until {end:%Y-%m-%d}")


def _test_signature(credentials: PassCredentials, now: datetime) -> Check:
    """Sign a manifest of several lines inside the certificate's time; `Signer` verifies what it makes (check 7)."""
    inside = min(max(now, credentials.not_valid_before), credentials.not_valid_after)
    try:
        Signer(credentials).sign(_PROBE, inside)
    except (SigningUnavailable, CertificateInvalid, ValueError) as error:
        return Check(
            "signature", CheckLevel.FAILURE, f"A test signature failed: {error}", "Load certificate and key again"
        )
    return Check("signature", CheckLevel.OK, "A test signature was made and verified")


def _kind(credentials: PassCredentials) -> Check:
    if credentials.demo:
        return Check(
            "kind",
            CheckLevel.WARNING,
            "Demo certificate: iPhones refuse its passes",
            "Load the certificate of your own Pass Type ID",
        )
    return Check("kind", CheckLevel.OK, "With NFC" if credentials.nfc else "Without NFC")
