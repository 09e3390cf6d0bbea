"""What pages behind mailed links share: a question with two buttons, and an answer to links that lead nowhere.

A GET changes nothing: mail programs open links before people do, and that is no answer.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from litestar import Response

from walletd.domain.errors import LinkExpired, LinkInvalid, ValidationFailed
from walletd.texts.catalogues import translations
from walletd.web.edge.bodies import read_body
from walletd.web.errors import status_of
from walletd.web.pages.html import PageRequest, language_of, render

_BODY_MAX: Final = 1_024
_ANSWERS: Final = {"yes": True, "no": False}


async def answer_of(request: PageRequest) -> bool:
    """Return which of the two buttons was pressed; raises ValidationFailed, BodyTooLarge."""
    body = await read_body(request.receive, request.scope["headers"], _BODY_MAX)
    # A body that is no such form has no answer in it. Its size is bounded, so is the number of its fields.
    chosen = dict(parse_qsl(body.decode("latin-1"))).get("answer", "")
    if chosen not in _ANSWERS:
        raise ValidationFailed("answer must be yes or no.", errors=[{"pointer": "/answer", "detail": "yes or no"}])
    return _ANSWERS[chosen]


def bad_link(request: PageRequest, error: LinkInvalid | LinkExpired, once_expired: str) -> Response[bytes]:
    """Return the page of a link that is wrong or too old; `once_expired` says in English what to do then."""
    language = language_of(request)
    gettext = translations(language).gettext
    if isinstance(error, LinkExpired):
        heading, body = gettext("This link is not valid any more"), gettext(once_expired)
    else:
        heading = gettext("This link is not valid")
        body = gettext("Please open it just as it stands in the e-mail.")
    return render("bad_link.html", status_of(error), {"language": language, "title": heading, "body": body})
