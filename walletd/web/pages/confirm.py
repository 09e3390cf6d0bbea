"""The page behind a merge request: the second address says whether both accounts are one person's (D-28, S4-063)."""

from __future__ import annotations

from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from walletd.domain.customers.merge_requests import MergeRequestDecided
from walletd.domain.errors import LinkExpired, LinkInvalid
from walletd.services.customers.merge_requests import Confirmation
from walletd.texts.catalogues import gettext_noop, translations
from walletd.web.pages.html import PageRequest, checked_token, language_of, render, services_of
from walletd.web.pages.questions import answer_of, bad_link

_EXPIRED: Final = gettext_noop("Please ask for the accounts to become one again.")


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
    title = translations(language).gettext("Make accounts at %(merchant)s one") % facts
    values = {"language": language, "title": title, "state": asked.state, **facts}
    return render("confirm.html", status, values | {"path": f"/confirm/{token}"}, form_action="'self'")


ROUTES: Final = (show_confirmation, answer_confirmation)
