"""Fetching a pass as a phone does, and reading what it shows."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from tests.builders import PASS_TYPE, Shop
from walletd.services.delivery.passes import PassFile


async def fetched(shop: Shop, serial: str, since: str | None = None) -> PassFile | None:
    """Fetch as a phone does, and let the server know that the file arrived."""
    file = await shop.services.passes.fetch(PASS_TYPE, serial, shop.authorization(serial), since)
    if file is not None:
        await shop.services.passes.delivered(file)
    return file


def shown_field(file: PassFile | None, key: str) -> dict[str, Any]:
    """Return a field of a pass file."""
    assert file is not None
    content = json.loads(zipfile.ZipFile(io.BytesIO(file.content)).read("pass.json"))
    fields = [field for place in content["storeCard"].values() if isinstance(place, list) for field in place]
    return next(field for field in fields if field["key"] == key)


def shown_balance(file: PassFile | None) -> int:
    """Return the points that a pass file shows."""
    return int(shown_field(file, "balance")["value"])
