"""The browser of the phone: it opens an add link and follows it to the pass."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from walletd.demo.iphone.pkpass import PassRefused

PKPASS: Final = "application/vnd.apple.pkpass"
_HOPS_MAX: Final = 6
_BYTES_MAX: Final = 10_000_000
_HEADERS: Final = {
    "User-Agent": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.0 Mobile/15E148 Safari/604.1"
    ),
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
}
_DISPOSITION = re.compile(r'(?:attachment|inline)\s*;\s*filename="?[^";]+\.pkpass"?(?:\s*;.*)?', re.IGNORECASE)


class _PassLinks(HTMLParser):
    """Collects the addresses of passes that a page offers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take links to passes."""
        attributes = dict(attrs)
        address = attributes.get("href") or ""
        if tag == "a" and (urlsplit(address).path.endswith(".pkpass") or attributes.get("type") == PKPASS):
            self.found.append(address)


async def download_pass(http: httpx.AsyncClient, url: str, language: str) -> bytes:
    """Open `url` as Safari does and return the bytes of the pass it leads to.

    Follows redirects, and on a page the first link to a pass. Raises PassRefused where the way ends elsewhere or the
    pass is not served as one (Content-Type, one Content-Disposition); httpx.TransportError where nobody answers.
    """
    for _ in range(_HOPS_MAX):
        _check_address(url)
        headers = {**_HEADERS, "Accept-Language": language}
        response = await http.get(url, headers=headers, follow_redirects=False)
        media_type = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if response.is_redirect:
            url = urljoin(url, response.headers.get("Location", ""))
        elif response.status_code != httpx.codes.OK:
            raise PassRefused(f"the server answered {response.status_code}")
        elif media_type == "text/html":
            url = _pass_link(url, response.text)
        else:
            return _pass_content(response, media_type)
    raise PassRefused("the link leads round and round")


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PassRefused("this is not a web address") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PassRefused("this is not a web address")


def _pass_link(url: str, page: str) -> str:
    links = _PassLinks()
    links.feed(page)
    if not links.found:
        raise PassRefused("the page offers no pass")
    return urljoin(url, links.found[0])


def _pass_content(response: httpx.Response, media_type: str) -> bytes:
    if media_type != PKPASS:
        raise PassRefused(f"the pass is served as {media_type or 'nothing'} instead of {PKPASS}")
    dispositions = response.headers.get_list("Content-Disposition")
    if len(dispositions) != 1 or not _DISPOSITION.fullmatch(dispositions[0]):
        raise PassRefused("the pass is served without a Content-Disposition that names a .pkpass file")
    if len(response.content) > _BYTES_MAX:
        raise PassRefused("the pass is larger than 10 MB")
    return response.content
