"""What operations asks for: is the process alive, is it ready, and what are its figures."""

from __future__ import annotations

import contextlib
import json
from typing import Final

from litestar import Request, Response, get
from litestar.datastructures import State

from walletd import telemetry
from walletd.domain.errors import NotFound, WalletdError
from walletd.services import Services
from walletd.web.edge.proxies import Proxies

_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
PlainRequest = Request[None, None, State]


@get("/healthz")
async def read_health() -> Response[bytes]:
    """Say that the process answers; nothing is looked up, so a slow database never has it restarted."""
    return Response(b"ok\n", media_type="text/plain")


@get("/readyz")
async def read_readiness(request: PlainRequest) -> Response[bytes]:
    """Say whether requests should be sent here: 200 or 503; the operator also reads what it stands on."""
    services: Services = request.app.state.services
    try:
        checks = await services.health.ready()
    except WalletdError as error:
        checks = {"ready": False, "error": error.code}
    status = 200 if checks.get("ready") else 503
    if not _is_operator(request):
        # Names of certificates and reasons of faults are nothing for strangers.
        checks = {"ready": status == 200}
    return Response(json.dumps(checks).encode(), status_code=status, media_type="application/json")


@get("/metrics")
async def read_metrics(request: PlainRequest) -> Response[bytes]:
    """Return the figures, to this machine and to trusted proxies only; anybody else sees no such route.

    A scraper elsewhere is let in by listing its address among the trusted proxies, or by a proxy's own route.
    """
    if not _is_operator(request):
        raise NotFound
    services: Services = request.app.state.services
    with contextlib.suppress(WalletdError):
        # Counts what waits; without a database the other figures are worth all the more.
        await services.health.ready()
    return Response(telemetry.exposition(), headers={"content-type": _METRICS_TYPE})


def _is_operator(request: PlainRequest) -> bool:
    proxies: Proxies = request.app.state.proxies
    return proxies.is_operator(request.scope)


ROUTES: Final = (read_health, read_readiness, read_metrics)
