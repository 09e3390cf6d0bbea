"""How a pass is sent as a file: the type a phone recognises, and headers that fit a document meant for one person."""

from __future__ import annotations

import re
from typing import Final

from walletd.services.delivery.passes import PassFile

PKPASS: Final = "application/vnd.apple.pkpass"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def pass_headers(file: PassFile) -> dict[str, str]:
    """Return the headers of a pass that is downloaded.

    `inline` lets an iPhone open its sheet at once; programs that cannot show a pass save it under the name anyway.
    """
    name = _UNSAFE.sub("-", file.filename).strip("-.") or "card.pkpass"
    return {
        "content-disposition": f'inline; filename="{name}"',
        "last-modified": file.last_modified,
        "etag": file.etag,
        "cache-control": "private, no-store",
    }
