"""The route by which a program collects the newest checkpoint of the ledger, to keep it elsewhere."""

from __future__ import annotations

from typing import Final

from litestar import get

from walletd.domain.errors import NotFound
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.ledger.examples import CHECKPOINT
from walletd.web.api.reading import services_of
from walletd.web.api.replies import Reply

_TEXT: Final = "text/plain; charset=utf-8"
NEWEST: Final = Endpoint(
    "Read the newest checkpoint of the ledger",
    right=Right.AUDIT_READ,
    media_type=_TEXT,
    errors=(NotFound,),
    example=CHECKPOINT,
)


@get("/ledger/checkpoint", opt={OPT: NEWEST})
async def read_checkpoint(request: ApiRequest) -> Reply:
    """Return the signed statement of the last full hour about how far the books have come."""
    signed = await services_of(request).checkpoints.newest()
    if signed is None:
        raise NotFound("There is no checkpoint yet; the first one is made within an hour after the first booking.")
    return Reply(signed.text().encode(), media_type=_TEXT)
