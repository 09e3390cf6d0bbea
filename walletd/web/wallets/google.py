"""What Google calls: the callback on save and removal, and the pictures that its documents name (G4.1, G6)."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath

from walletd.domain.errors import NotFound, Unauthenticated
from walletd.services import Services
from walletd.web.edge.bodies import read_body

CALLBACK_MAX: Final = 16_384
_NAME: Final = re.compile(r"([a-z0-9-]{1,40})\.png\Z")
_FOLDER: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")

GoogleRequest = Request[object, object, State]


@post("/google/callback", status_code=200)
async def take_callback(request: GoogleRequest) -> Response[bytes]:
    """Follow what Google signed; whatever it did not sign for us is refused without a word."""
    services: Services = request.app.state.services
    body = await read_body(request.receive, request.scope["headers"], CALLBACK_MAX)
    try:
        await services.wallet_objects.take_event("google", body)
    except Unauthenticated:
        return Response(b"", status_code=401)
    return Response(b"", status_code=200)


@get("/images/{template:str}/{revision:str}/{name:str}")
async def read_image(
    request: GoogleRequest, template: FromPath[str], revision: FromPath[str], name: FromPath[str]
) -> Response[bytes]:
    """Return a picture of a template; its address changes with its content."""
    services: Services = request.app.state.services
    named = _NAME.match(name)
    if named is None or not _FOLDER.match(template):
        raise NotFound("There is no such picture.")
    # In a thread: the first time it is drawn.
    content = await asyncio.to_thread(services.wallet_objects.image, "google", template, revision, named[1])
    headers = {"cache-control": "public, max-age=31536000, immutable", "cross-origin-resource-policy": "cross-origin"}
    return Response(content, media_type="image/png", headers=headers)


ROUTES: Final = (take_callback, read_image)
