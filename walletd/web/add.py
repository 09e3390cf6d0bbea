"""The page behind the QR code of a card: an iPhone gets the pass, others see how to get it (api.md 3).

It works without scripts, shows nothing personal, and a GET never uses a link up: mail programs and messengers open
links before people do (reliability.md 3, "Enrolment QR").
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.params import FromPath

from walletd import telemetry
from walletd.domain.errors import (
    LinkExpired,
    LinkInvalid,
    NotFound,
    RateLimited,
    SigningUnavailable,
    StorageUnavailable,
    TemplateInvalid,
    WalletdError,
)
from walletd.domain.wallet_errors import WalletUnavailable
from walletd.services import Services
from walletd.services.links import LinkView
from walletd.services.passes import PassFile
from walletd.web.add_texts import KINDS, LANGUAGES, TEXTS, choose_language
from walletd.web.errors import headers_of, status_of
from walletd.web.passes import PKPASS, pass_headers

_log = telemetry.logger(__name__)
_HERE: Final = Path(__file__).parent
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~-]{1,512}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}|rgb\( ?\d{1,3}, ?\d{1,3}, ?\d{1,3} ?\)")
_PLAIN_COLOURS: Final = ("#1f2a44", "#ffffff")

_APPLE: Final = re.compile(r"iPhone|iPad|iPod")
_PREVIEW: Final = re.compile(
    r"bot\b|bot/|crawl|spider|preview|facebookexternalhit|whatsapp|slurp|embedly|skypeuripreview|google-inspectiontool",
    re.IGNORECASE,
)
# Browsers on an iPhone say Safari/; an app's own web view does not, or adds its name.
_IN_APP: Final = re.compile(
    r"FBAN|FBAV|FB_IAB|Instagram|Line/|Snapchat|TikTok|musical_ly|Bytedance|MicroMessenger|GSA/|LinkedInApp|Pinterest"
)

_templates: Final = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_STATIC_TYPES: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_STATIC: Final[Mapping[str, bytes]] = {
    path.name: path.read_bytes() for path in sorted((_HERE / "static").iterdir()) if path.suffix in _STATIC_TYPES
}
_VERSIONS: Final = {name: hashlib.sha256(content).hexdigest()[:12] for name, content in _STATIC.items()}

PageRequest = Request[object, object, State]


@get("/add/{token:str}")
async def open_link(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Answer a scanned code: the pass for an iPhone, a page for everything else."""
    services = _services(request)
    try:
        view = await services.links.open(_checked(token))
        device = device_of(request.headers.get("user-agent", ""))
        if device == "iphone" and view.installable_apple:
            return _pass_response(await services.passes.by_link(token))
        if device == "android" and view.installable_google:
            return _to_google(await services.object_saving.link_by_token("google", token))
        return _card_page(request, token, view, "apple" if device == "iphone" else device)
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/pass.pkpass")
async def download_by_link(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Return the pass of a link, whoever asks."""
    try:
        return _pass_response(await _services(request).passes.by_link(_checked(token)))
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/google")
async def save_to_google(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Send whoever asks on to Google, by a link that is signed now; a messenger only gets to know what it is."""
    services = _services(request)
    try:
        view = await services.links.open(_checked(token))
        device = device_of(request.headers.get("user-agent", ""))
        if device == "preview":
            return _card_page(request, token, view, device)
        return _to_google(await services.object_saving.link_by_token("google", token))
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/qr.svg")
async def draw_qr(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Return the QR code of a link; pages of the merchant, such as a till's, may show it."""
    image = _services(request).links.qr_svg(_checked(token))
    headers = {"cross-origin-resource-policy": "cross-origin", "cache-control": "private, no-store"}
    return Response(image, media_type="image/svg+xml", headers=headers)


@get("/static/google-button/{name:str}")
async def read_google_button(request: PageRequest, name: FromPath[str]) -> Response[bytes]:
    """Return Google's official button, as the shop's own folder has it."""
    content = request.app.state.google_buttons.get(name.removesuffix(".svg"))
    if content is None:
        raise NotFound("There is no such file.")
    headers = {"cache-control": "public, max-age=86400", "content-type": "image/svg+xml"}
    return Response(content, headers=headers)


@get("/static/{name:str}")
async def read_static(name: FromPath[str]) -> Response[bytes]:
    """Return a style sheet or an image of the pages; its address changes with its content."""
    content = _STATIC.get(name)
    if content is None:
        raise NotFound("There is no such file.")
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": _STATIC_TYPES[Path(name).suffix],
        "etag": f'"{_VERSIONS[name]}"',
    }
    return Response(content, headers=headers)


def device_of(user_agent: str) -> str:
    """Return who asks: `preview` (a messenger), `iphone` (takes a pass at once), `apple`, `android` or `desktop`.

    `apple` is an app's own web view on an iPhone: most of them cannot hand a pass to Wallet, so it gets a page.
    """
    if _PREVIEW.search(user_agent):
        return "preview"
    if _APPLE.search(user_agent):
        return "iphone" if "Safari/" in user_agent and not _IN_APP.search(user_agent) else "apple"
    return "android" if "Android" in user_agent else "desktop"


def _services(request: PageRequest) -> Services:
    services: Services = request.app.state.services
    return services


def _checked(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise LinkInvalid
    return token


def _pass_response(file: PassFile) -> Response[bytes]:
    headers = {**pass_headers(file), "vary": "User-Agent"}
    return Response(file.content, media_type=PKPASS, headers=headers)


def _to_google(link: str) -> Response[bytes]:
    """Send on to a save link, which is as good as the card: nobody keeps or passes it on (google.md 2.3)."""
    headers = {"location": link, "cache-control": "private, no-store", "referrer-policy": "no-referrer"}
    return Response(b"", status_code=302, headers={**headers, "vary": "User-Agent"})


def _card_page(request: PageRequest, token: str, view: LinkView, device: str) -> Response[bytes]:
    language = _language(request)
    path = f"/add/{token}"
    background, foreground = _colours(view)
    kind = KINDS[language].get(view.kind, "")
    return _render(
        "card.html",
        200,
        {
            "language": language,
            "device": device,
            "view": view,
            "kind": "" if kind.casefold() == view.program_name.casefold() else kind,
            "title": f"{view.program_name} – {view.merchant_name}",
            "pass_path": f"{path}/pass.pkpass",
            "google_path": f"{path}/google",
            "google_button": _button(request, language),
            "qr_path": f"{path}/qr.svg",
            "background": background,
            "foreground": foreground,
            "is_demo": request.app.state.is_demo,
        },
    )


def _button(request: PageRequest, language: str) -> str | None:
    """Return where Google's button is in a language, else the English one, else None."""
    buttons = request.app.state.google_buttons
    found = next((name for name in (language, "en") if name in buttons), None)
    return None if found is None else f"/static/google-button/{found}.svg"


def _message_page(request: PageRequest, error: WalletdError) -> Response[bytes]:
    if isinstance(error, LinkInvalid | LinkExpired):
        name = error.code
    elif isinstance(error, SigningUnavailable | StorageUnavailable | TemplateInvalid | RateLimited | WalletUnavailable):
        name = "unavailable"
        _log.warning("a card could not be handed out", code=error.code)
    else:
        raise error
    language = _language(request)
    values = {"language": language, "name": name, "title": TEXTS[language][f"{name}_heading"]}
    status = status_of(error) if name != "unavailable" or isinstance(error, RateLimited) else 503
    response = _render("message.html", status, values)
    response.headers.update({name: value for name, value in headers_of(error).items() if name == "retry-after"})
    return response


def _render(template: str, status: int, values: Mapping[str, object]) -> Response[bytes]:
    nonce = secrets.token_urlsafe(16)
    language = str(values["language"])
    text = _templates.get_template(template).render(
        **values,
        texts=TEXTS[language],
        languages=LANGUAGES,
        nonce=nonce,
        static={name: f"/static/{name}?v={version}" for name, version in _VERSIONS.items()},
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-language": language,
        "vary": "User-Agent, Accept-Language",
        "content-security-policy": f"default-src 'none'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    }
    return Response(text.encode(), status_code=status, headers=headers)


def _language(request: PageRequest) -> str:
    asked = request.query_params.get("lang")
    return choose_language(asked, request.headers.get("accept-language", ""))


def _colours(view: LinkView) -> tuple[str, str]:
    # They go into a style sheet, so anything that is not plainly a colour is replaced.
    colours = (view.colors.get("background", ""), view.colors.get("foreground", ""))
    return colours if all(_COLOUR.fullmatch(colour) for colour in colours) else _PLAIN_COLOURS


ROUTES: Final = (open_link, download_by_link, save_to_google, draw_qr, read_google_button, read_static)
