"""The page behind an invitation to a newsletter: it asks, and only its buttons answer."""

from __future__ import annotations

from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from walletd.domain.customers.consent import OptInRefused
from walletd.domain.errors import LinkExpired, LinkInvalid
from walletd.services.customers.consent import Invitation
from walletd.texts.catalogues import gettext_noop, translations
from walletd.web.pages.html import PageRequest, checked_token, language_of, render, services_of
from walletd.web.pages.questions import answer_of, bad_link

_EXPIRED: Final = gettext_noop("Please ask the shop for a new invitation.")


@get("/opt-in/{token:str}")
async def show_invitation(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Ask whether the holder wants the newsletter; nothing changes."""
    try:
        return _page(request, token, await services_of(request).consent.open(checked_token(token)))
    except (LinkInvalid, LinkExpired) as error:
        return bad_link(request, error, _EXPIRED)


@post("/opt-in/{token:str}", status_code=200)
async def answer_invitation(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Store the answer of the button that was pressed; pressing it again changes nothing."""
    given, consent = await answer_of(request), services_of(request).consent
    try:
        return _page(request, token, await consent.answer(checked_token(token), consents=given))
    except OptInRefused:
        return _page(request, token, await consent.open(token), refused=True)
    except (LinkInvalid, LinkExpired) as error:
        return bad_link(request, error, _EXPIRED)


def _page(request: PageRequest, token: str, invitation: Invitation, *, refused: bool = False) -> Response[bytes]:
    language = language_of(request)
    merchant = invitation.merchant_name
    title = translations(language).gettext("Newsletter of %(merchant)s") % {"merchant": merchant}
    values = {"language": language, "title": title, "merchant": merchant, "state": invitation.state, "refused": refused}
    status = 409 if refused else 200
    return render("opt_in.html", status, values | {"path": f"/opt-in/{token}"}, form_action="'self'")


ROUTES: Final = (show_invitation, answer_invitation)
