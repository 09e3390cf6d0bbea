"""Looking at a merchant's way to Google: key, clock, permission, issuer, classes; each with its cure (G8)."""

from __future__ import annotations

from collections.abc import Sequence

from walletd.domain.checks import Check, CheckLevel
from walletd.wallets import RateLimit
from walletd.wallets.google.answers import ApiAnswer, Meaning
from walletd.wallets.google.client import GoogleClient
from walletd.wallets.google.credentials import GoogleCredentials
from walletd.wallets.google.tokens import TokenRefused, TokenUnavailable


async def examine(
    client: GoogleClient, credentials: GoogleCredentials, classes: Sequence[tuple[str, str]], rate_limit: RateLimit
) -> list[Check]:
    """Return what was found; `classes` are resource and id of those that were written. Goes on as far as it can."""
    issuer, email = credentials.issuer_id, credentials.client_email
    try:
        await client.tokens.header()
    except TokenRefused as error:
        cure = "Compare this machine's clock (timedatectl); if it is right, create a new key of the service account"
        return [Check("key", CheckLevel.FAILURE, f"Google gives {email} no access token: {error}", cure)]
    except TokenUnavailable as error:
        cure = "Open port 443 to oauth2.googleapis.com in the firewall"
        return [Check("key", CheckLevel.FAILURE, f"Google could not be asked for an access token: {error}", cure)]
    found = [Check("key", CheckLevel.OK, f"{email} gets access tokens; the clock is right")]
    answer = await client.get("loyaltyClass", f"{issuer}.walletd-doctor", rate_limit)
    permission = _permission(answer, issuer, email)
    found.append(permission)
    if permission.level != CheckLevel.OK:
        return found
    for resource, name in classes:
        found.append(_class(await client.get(resource, name, rate_limit), name))
    if not classes:
        found.append(
            Check("classes", CheckLevel.OK, "no class was written yet; a running server writes them within a minute")
        )
    return found


def _permission(answer: ApiAnswer, issuer: str, email: str) -> Check:
    reason = answer.reason.lower()
    match answer.meaning:
        case Meaning.DONE | Meaning.MISSING | Meaning.CLASS_MISSING:
            return Check("issuer", CheckLevel.OK, f"{email} may write for issuer {issuer}")
        case Meaning.REFUSED:
            cure = "Take the issuer id from the Google Pay & Wallet Console: walletd merchant set --google-issuer ID"
            return Check("issuer", CheckLevel.FAILURE, f"Google does not know the issuer {issuer}: {answer.said}", cure)
        case Meaning.FORBIDDEN if "notconfigured" in reason or "disabled" in answer.message.lower():
            cure = "Enable the Google Wallet API in the cloud project of the service account"
            return Check("issuer", CheckLevel.FAILURE, f"The API is off: {answer.said}", cure)
        case Meaning.FORBIDDEN:
            cure = f"Invite {email} as a user (developer) in the Google Pay & Wallet Console under Users"
            return Check(
                "issuer", CheckLevel.FAILURE, f"{email} may not write for issuer {issuer}: {answer.said}", cure
            )
        case _:
            cure = "Open port 443 to walletobjects.googleapis.com in the firewall; else wait, and look again"
            return Check("issuer", CheckLevel.WARNING, f"Google does not answer now: {answer.said}", cure)


def _class(answer: ApiAnswer, name: str) -> Check:
    if answer.meaning is not Meaning.DONE:
        return Check(
            "class", CheckLevel.WARNING, f"{name}: {answer.said}", "Restart walletd serve: it writes classes again"
        )
    status = str((answer.body or {}).get("reviewStatus", "")).replace("_", "").lower()
    if status == "approved":
        return Check("class", CheckLevel.OK, f"{name} is approved")
    cure = "Look into the Google Pay & Wallet Console: cards of a class that is not approved cannot be saved"
    return Check("class", CheckLevel.WARNING, f"{name} is {status or 'without a status'}", cure)
