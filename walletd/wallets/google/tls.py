"""The authorities that Google's servers are checked by: they are read once per process, which takes a moment."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def authorities() -> ssl.SSLContext:
    """Return what every connection to Google is opened with, whichever merchant it serves."""
    return httpx.create_ssl_context(trust_env=False)
