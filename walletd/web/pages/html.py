"""What all pages for people share: templates, style sheets, languages, and the tokens of links."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from litestar import Request, Response
from litestar.datastructures import State

from walletd.domain.errors import LinkInvalid
from walletd.services import Services
from walletd.texts.catalogues import LANGUAGES
from walletd.web.pages.languages import choose_language
from walletd.web.pages.templates import template_in

PageRequest = Request[object, object, State]

_HERE: Final = Path(__file__).parents[1]
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~-]{1,512}")

STATIC_TYPES: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
STATIC: Final[Mapping[str, bytes]] = {
    path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.suffix in STATIC_TYPES
}
VERSIONS: Final = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in STATIC.items()}


def services_of(request: PageRequest) -> Services:
    """Return the services that the application was made with."""
    services: Services = request.app.state.services
    return services


def checked_token(token: str) -> str:
    """Return the token of a link; raises LinkInvalid for text that no token can be."""
    if not _TOKEN.fullmatch(token):
        raise LinkInvalid
    return token


def render(template: str, status: int, values: Mapping[str, object], *, form_action: str = "'none'") -> Response[bytes]:
    """Return a page in the language that `values` names; `form_action` says where its forms may lead (CSP)."""
    nonce = secrets.token_urlsafe(16)
    language = str(values["language"])
    text = template_in(language, template).render(
        **values,
        languages=LANGUAGES,
        nonce=nonce,
        static={name: f"/static/{name}?v={version}" for name, version in VERSIONS.items()},
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-language": language,
        "vary": "User-Agent, Accept-Language",
        "content-security-policy": f"default-src 'none'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; "
        f"base-uri 'none'; form-action {form_action}; frame-ancestors 'none'",
    }
    return Response(text.encode(), status_code=status, headers=headers)


def language_of(request: PageRequest) -> str:
    """Return the language of a page: the one asked for in the address, else the one the browser prefers."""
    asked = request.query_params.get("lang")
    return choose_language(asked, request.headers.get("accept-language", ""))
