"""The page behind the QR code of a card: an iPhone gets the pass, others see how to get it.

It works without scripts, shows nothing personal, and a GET never uses a link up: mail programs and messengers open
links before people do (H2).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from walletd import telemetry
from walletd.domain.delivery.wallet_errors import WalletUnavailable
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
from walletd.services.delivery.links import LinkView
from walletd.services.delivery.passes import PassFile
from walletd.texts.catalogues import gettext_noop, translations
from walletd.web.errors import headers_of, status_of
from walletd.web.pages.html import (
    STATIC,
    STATIC_TYPES,
    VERSIONS,
    PageRequest,
    checked_token,
    language_of,
    render,
    services_of,
)
from walletd.web.pages.names import kind_name
from walletd.web.wallets.passes import PKPASS, pass_headers

_log = telemetry.logger(__name__)
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{3,8}|rgb\( ?\d{1,3}, ?\d{1,3}, ?\d{1,3} ?\)")
_PLAIN_COLOURS: Final = ("#1f2a44", "#ffffff")

_MESSAGES: Final = {
    "link_invalid": (
        gettext_noop("This link does not work"),
        gettext_noop("It is incomplete or was mistyped. Please scan the code again, or ask the shop for a new link."),
    ),
    "link_expired": (
        gettext_noop("This link has expired"),
        gettext_noop(
            "For safety, links to cards work for a limited time. Please ask the shop for a new one: your card and "
            "everything on it are still there."
        ),
    ),
    "unavailable": (
        gettext_noop("Just a moment"),
        gettext_noop("The card cannot be made right now. Nothing is lost: please try again in a few minutes."),
    ),
}
"""why no card is handed out → what the page says, in English."""

_APPLE: Final = re.compile(r"iPhone|iPad|iPod")
_PREVIEW: Final = re.compile(
    r"bot\b|bot/|crawl|spider|preview|facebookexternalhit|whatsapp|slurp|embedly|skypeuripreview|google-inspectiontool",
    re.IGNORECASE,
)
# Browsers on an iPhone say Safari/; an app's own web view does not, or adds its name.
_IN_APP: Final = re.compile(
    r"FBAN|FBAV|FB_IAB|Instagram|Line/|Snapchat|TikTok|musical_ly|Bytedance|MicroMessenger|GSA/|LinkedInApp|Pinterest"
)


@get("/add/{token:str}")
async def open_link(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Answer a scanned code: the pass for an iPhone, a page for everything else."""
    services = services_of(request)
    try:
        view = await services.links.open(checked_token(token))
        device = device_of(request.headers.get("user-agent", ""))
        if device == "iphone" and view.installable_apple:
            return _pass_response(await services.passes.by_link(token))
        if device == "android" and view.installable_google:
            return _to_google(await services.wallet_objects.link_by_token("google", token))
        return _card_page(request, token, view, "apple" if device == "iphone" else device)
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/pass.pkpass")
async def download_by_link(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Return the pass of a link, whoever asks."""
    try:
        return _pass_response(await services_of(request).passes.by_link(checked_token(token)))
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/google")
async def save_to_google(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Send whoever asks on to Google, by a link that is signed now; a messenger only gets to know what it is."""
    services = services_of(request)
    try:
        view = await services.links.open(checked_token(token))
        device = device_of(request.headers.get("user-agent", ""))
        if device == "preview":
            return _card_page(request, token, view, device)
        return _to_google(await services.wallet_objects.link_by_token("google", token))
    except WalletdError as error:
        return _message_page(request, error)


@get("/add/{token:str}/qr.svg")
async def draw_qr(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Return the QR code of a link; pages of the merchant, such as a till's, may show it."""
    image = services_of(request).links.qr_svg(checked_token(token))
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
    content = STATIC.get(name)
    if content is None:
        raise NotFound("There is no such file.")
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": STATIC_TYPES[Path(name).suffix],
        "etag": f'"{VERSIONS[name]}"',
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


def _pass_response(file: PassFile) -> Response[bytes]:
    headers = {**pass_headers(file), "vary": "User-Agent"}
    return Response(file.content, media_type=PKPASS, headers=headers)


def _to_google(link: str) -> Response[bytes]:
    """Send on to a save link, which is as good as the card: nobody keeps or passes it on (G2.3)."""
    headers = {"location": link, "cache-control": "private, no-store", "referrer-policy": "no-referrer"}
    return Response(b"", status_code=302, headers={**headers, "vary": "User-Agent"})


def _card_page(request: PageRequest, token: str, view: LinkView, device: str) -> Response[bytes]:
    language = language_of(request)
    path = f"/add/{token}"
    background, foreground = _colours(view)
    kind = kind_name(view.kind, language)
    return render(
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
    language = language_of(request)
    title, body = map(translations(language).gettext, _MESSAGES[name])
    status = status_of(error) if name != "unavailable" or isinstance(error, RateLimited) else 503
    response = render("message.html", status, {"language": language, "title": title, "body": body})
    response.headers.update({name: value for name, value in headers_of(error).items() if name == "retry-after"})
    return response


def _colours(view: LinkView) -> tuple[str, str]:
    # They go into a style sheet, so anything that is not plainly a colour is replaced.
    colours = (view.colors.get("background", ""), view.colors.get("foreground", ""))
    return colours if all(_COLOUR.fullmatch(colour) for colour in colours) else _PLAIN_COLOURS


ROUTES: Final = (open_link, download_by_link, save_to_google, draw_qr, read_google_button, read_static)
