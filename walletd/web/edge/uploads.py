"""Files that are sent as a body: written to a file of their own as they come, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from litestar.types import Receive

from walletd.domain.errors import MediaTypeUnsupported
from walletd.web.edge.bodies import Headers, hand_over

UPLOAD_MAX: Final = 20 * 1024 * 1024
"""The most bytes of an uploaded file (H6); larger ones are for the command line."""


def check_media_type(headers: Headers, allowed: Collection[str]) -> None:
    """Raise MediaTypeUnsupported unless the body says to be one of these types."""
    given = next((value for name, value in headers if name == b"content-type"), b"").decode("latin-1")
    media_type = given.partition(";")[0].strip().lower()
    if media_type not in allowed:
        raise MediaTypeUnsupported(f"Send the file as {' or '.join(sorted(allowed))}.", received=media_type[:100])


@asynccontextmanager
async def uploaded(receive: Receive, headers: Headers) -> AsyncIterator[BinaryIO]:
    """Give the body as a file that is gone afterwards; raises BodyTooLarge before reading more, and ClientGone."""
    with TemporaryFile() as file:
        await hand_over(receive, headers, UPLOAD_MAX, file.write)
        file.seek(0)
        yield file
