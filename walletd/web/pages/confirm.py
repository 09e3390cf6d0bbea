"""The page behind a merge request: the second address says whether both accounts are one person's (D-28, S4-063)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from walletd.domain.customers.merge_requests import MergeRequestDecided
from walletd.domain.errors import LinkExpired, LinkInvalid
from walletd.services.customers.merge_requests import Confirmation
from walletd.web.pages.html import PageRequest, checked_token, language_of, render, services_of
from walletd.web.pages.questions import answer_of, bad_link

_EXPIRED: Final = {
    "de": "Bitte beantragen Sie die Zusammenlegung noch einmal.",
    "en": "Please ask for the accounts to become one again.",
}
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "de": {
        "title": "Konten bei {merchant} zusammenlegen",
        "ask": "Unter der Adresse {applicant} wurde beantragt, Ihr Konto in das dortige zu übernehmen.",
        "after": "Punkte und Karten gehören danach zu jenem Konto. Sie können das nicht selbst rückgängig machen.",
        "yours": "Stimmen Sie nur zu, wenn diese Adresse Ihnen gehört.",
        "yes": "Ja, zusammenlegen",
        "no": "Nein, ablehnen",
        "confirmed": "Danke! {merchant} prüft den Antrag jetzt und schreibt Ihnen, sobald er entschieden ist.",
        "approved": "Erledigt: Die beiden Konten sind eines.",
        "rejected": "In Ordnung: Die beiden Konten bleiben getrennt.",
        "expired": "Der Antrag wurde nicht rechtzeitig bestätigt. Bitte stellen Sie ihn noch einmal.",
    },
    "en": {
        "title": "Make accounts at {merchant} one",
        "ask": "Under the address {applicant} somebody asked to take your account over into the one there.",
        "after": "Points and cards will then belong to that account. You cannot undo this yourself.",
        "yours": "Agree only if that address is yours.",
        "yes": "Yes, make them one",
        "no": "No, decline",
        "confirmed": "Thank you! {merchant} now looks at the request, and writes to you once it is decided.",
        "approved": "Done: the two accounts are one.",
        "rejected": "All right: the two accounts stay apart.",
        "expired": "The request was not confirmed in time. Please ask for it again.",
    },
}


@get("/confirm/{token:str}")
async def show_confirmation(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Ask whether both accounts are one person's; nothing changes."""
    try:
        return _page(request, token, await services_of(request).merge_requests.open(checked_token(token)))
    except (LinkInvalid, LinkExpired) as error:
        return bad_link(request, error, _EXPIRED)


@post("/confirm/{token:str}", status_code=200)
async def answer_confirmation(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Store the answer of the button that was pressed; pressing it again changes nothing."""
    agrees, requests = await answer_of(request), services_of(request).merge_requests
    try:
        return _page(request, token, await requests.answer(checked_token(token), agrees=agrees))
    except MergeRequestDecided:
        return _page(request, token, await requests.open(token), status=409)
    except (LinkInvalid, LinkExpired) as error:
        return bad_link(request, error, _EXPIRED)


def _page(request: PageRequest, token: str, asked: Confirmation, *, status: int = 200) -> Response[bytes]:
    language = language_of(request)
    facts = {"merchant": asked.merchant_name, "applicant": asked.applicant}
    own = {name: text.format(**facts) for name, text in _TEXTS[language].items()}
    values = {"language": language, "title": own["title"], "own": own, "state": asked.state}
    return render("confirm.html", status, values | {"path": f"/confirm/{token}"}, form_action="'self'")


ROUTES: Final = (show_confirmation, answer_confirmation)
