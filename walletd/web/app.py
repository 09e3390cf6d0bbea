"""The web application: Apple's routes, the API, the add page and operations behind one ASGI callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler

from walletd import telemetry
from walletd.domain.errors import InvalidRequest, MethodNotAllowed, NotFound, WalletdError
from walletd.services import Services
from walletd.web import operations
from walletd.web.api import openapi
from walletd.web.api.reading import BearerAuthentication
from walletd.web.api.routes import ROUTES
from walletd.web.edge.bodies import ClientGone
from walletd.web.edge.proxies import Proxies
from walletd.web.edge.rate_limits import RateLimit
from walletd.web.errors import INTERNAL_ERROR, PROBLEM_TYPE, headers_of, problem_bytes, status_of
from walletd.web.guard import Edge
from walletd.web.pages import add, confirm, consent
from walletd.web.wallets import google
from walletd.web.wallets.apple import LOGS_PER_MINUTE, AppleWebService

_log = telemetry.logger(__name__)
_BODY_MAX: Final = 65_536

AnyRequest = Request[object, object, State]


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the web is reached, and what it shows."""

    public_url: str
    environment: str
    trusted_proxies: Sequence[str] = ()
    google_buttons: Mapping[str, bytes] = field(default_factory=dict)
    """Google's official pictures by language, SVG; without them pages have a plain link."""


def create_app(services: Services, options: WebOptions, clock: Callable[[], datetime]) -> Edge:
    """Return the ASGI application.

    The server in front must not rewrite the client's address or add a Server header: this application reads
    X-Forwarded-For itself, from trusted proxies only, and tells nobody what it runs on.
    """
    return serve_by(create_routes(options.public_url), services, options, clock)


def serve_by(routes: Litestar, services: Services, options: WebOptions, clock: Callable[[], datetime]) -> Edge:
    """Return the ASGI application over routes that exist; they serve these services from now on."""
    proxies = Proxies(options.trusted_proxies)
    routes.state.update(
        services=services,
        proxies=proxies,
        is_demo=options.environment == "demo",
        google_buttons=dict(options.google_buttons),
    )
    apple = AppleWebService(services, proxies, RateLimit(LOGS_PER_MINUTE, clock))
    return Edge(apple, routes, https=options.public_url.startswith("https://"))


def create_routes(public_url: str) -> Litestar:
    """Return all routes but Apple's, which serve nobody yet. Reading what every handler takes needs half a second."""
    return Litestar(
        route_handlers=[
            Router("/api/v1", route_handlers=[_openapi_route(public_url), *_guarded_routes()]),
            *add.ROUTES,
            *confirm.ROUTES,
            *google.ROUTES,
            *consent.ROUTES,
            *operations.ROUTES,
        ],
        exception_handlers={
            WalletdError: _on_refusal,
            HTTPException: _on_litestar_error,
            ClientGone: _on_client_gone,
            Exception: _on_fault,
        },
        openapi_config=None,
        request_max_body_size=_BODY_MAX,
        logging_config=None,
        debug=False,
    )


def _guarded_routes() -> list[Router]:
    return [Router("/", route_handlers=list(ROUTES), middleware=[BearerAuthentication])]


def _openapi_route(public_url: str) -> HTTPRouteHandler:
    document = openapi.document(public_url)

    @get("/openapi.json")
    async def read_openapi() -> Response[bytes]:
        """Return the description of the API; it holds nothing that is not public."""
        headers = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
        return Response(document, media_type="application/json", headers=headers)

    return read_openapi


def _on_refusal(_request: AnyRequest, error: WalletdError) -> Response[bytes]:
    return Response(
        problem_bytes(error), status_code=status_of(error), media_type=PROBLEM_TYPE, headers=headers_of(error)
    )


def _on_litestar_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    if isinstance(error, NotFoundException):
        return _on_refusal(request, NotFound("There is no such route."))
    if isinstance(error, MethodNotAllowedException):
        allowed = set((error.headers or {}).get("allow", "").split(", "))
        # HEAD is answered wherever GET is, by the edge, which Litestar does not know.
        return _on_refusal(request, MethodNotAllowed(allow=sorted(allowed | ({"HEAD"} if "GET" in allowed else set()))))
    if error.status_code < 500:
        return _on_refusal(request, InvalidRequest(error.detail))
    return _on_fault(request, error)


def _on_client_gone(_request: AnyRequest, _error: ClientGone) -> Response[bytes]:
    # Nobody is left to read this; the server needs an answer to close the request with.
    return Response(b"", status_code=400)


def _on_fault(_request: AnyRequest, error: Exception) -> Response[bytes]:
    # Without the path, which may hold a link's token; the traceback says where it was.
    _log.error("a request failed", fault=type(error).__name__, exc_info=error)
    return Response(INTERNAL_ERROR, status_code=500, media_type=PROBLEM_TYPE)
