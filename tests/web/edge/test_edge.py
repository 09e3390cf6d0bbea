"""What holds for every route: security headers, HEAD, proxies, and what operations asks for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest

from tests.fakes import NOW, FakeServices
from tests.web.conftest import a_client, an_application
from walletd.domain.errors import StorageFull
from walletd.web.edge.proxies import Proxies
from walletd.web.edge.rate_limits import RateLimit

PATHS = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "/api/v1/cards",
    "/api/v1/nothing",
    "/add/good",
    "/add/old",
    "/add/bad",
    "/add/good/qr.svg",
    "/add/good/pass.pkpass",
    "/static/add.css",
    "/apple/v1/log",
)


class Ticking:
    """A clock that a test moves."""

    seconds = 0

    def now(self) -> datetime:
        """Return the moment the test is at."""
        return NOW + timedelta(seconds=self.seconds)


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_security_headers_once(client: httpx.AsyncClient, path: str) -> None:
    """No route leaves out a security header, sends one twice, or names what walletd runs on."""
    answer = await client.get(path)
    names = [name.lower() for name, _ in answer.headers.raw]
    assert len(names) == len(set(names))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "set-cookie" not in answer.headers
    if not path.startswith("/apple"):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/metrics" and "log" not in path])
async def test_head_is_answered_like_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    """HEAD has the status and the length of GET on every route."""
    get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.keys() == get.headers.keys()
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_a_forged_host_changes_nothing(client: httpx.AsyncClient) -> None:
    """URLs come from the configuration, never from what a client says it asked for."""
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "http"}
    for path in PATHS:
        answer = await client.get(path, headers=forged)
        assert "evil.example" not in answer.text + str(answer.headers)
        assert answer.status_code < 500


async def test_strict_transport_is_promised_over_https_only(services: FakeServices) -> None:
    """A demo over plain HTTP must not lock a browser into HTTPS."""
    application = an_application(services, public_url="http://localhost:8080", environment="demo")
    async with a_client(application) as client:
        assert "strict-transport-security" not in (await client.get("/healthz")).headers


async def test_an_unknown_route_of_the_api_is_a_problem(client: httpx.AsyncClient) -> None:
    """Routes and methods that do not exist answer in the form of all errors."""
    unknown = await client.get("/api/v1/nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert unknown.headers["content-type"] == "application/problem+json"
    wrong = await client.delete("/api/v1/cards")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["allow"].split(", ")) >= {"GET", "HEAD", "POST"}


async def test_readiness_follows_the_checks(client: httpx.AsyncClient, services: FakeServices) -> None:
    """A process that is not ready says so with 503, is alive all the same, and tells strangers no reasons."""
    assert (await client.get("/readyz")).status_code == 200
    services.health.is_ready = False
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/readyz")).json() == {"ready": False, "database": False}
    stranger = await client.get("/readyz", headers={"x-forwarded-for": "203.0.113.7"})
    assert (stranger.status_code, stranger.json()) == (503, {"ready": False})
    services.health.fault = StorageFull()
    assert (await client.get("/readyz")).json() == {"ready": False, "error": "storage_full"}
    assert (await client.get("/healthz")).text == "ok\n"


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("10.0.0.9", {}, 200),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.7"}, 404),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, 404),
        ("10.0.0.9", {"x-forwarded-for": "203.0.113.7"}, 404),
        ("10.0.0.9", {"x-forwarded-for": "127.0.0.1"}, 404),
        ("10.0.0.9", {"forwarded": "for=127.0.0.1"}, 404),
        ("203.0.113.7", {}, 404),
        ("203.0.113.7", {"x-forwarded-for": "127.0.0.1"}, 404),
    ],
)
async def test_the_figures_are_for_the_operator_only(
    services: FakeServices, address: str, headers: dict[str, str], status: int
) -> None:
    """This machine and trusted proxies read /metrics; nobody does through a proxy, whatever they claim to be."""
    async with a_client(an_application(services, trusted_proxies=("10.0.0.0/8",)), address) as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert (b"walletd_http_requests_total" in answer.content) is (status == 200)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "[2001:db8::7]", "2001:db8::7"),
    ],
)
def test_the_client_is_the_rightmost_address_that_no_trusted_proxy_has(peer: str, forwarded: str, address: str) -> None:
    """X-Forwarded-For counts from the right, as far as listed proxies wrote it; the rest a client can invent."""
    scope = {"client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert Proxies(("10.0.0.0/8",)).client_address(scope) == address  # type: ignore[arg-type]  # what is looked at


async def test_a_spoofed_address_gets_no_limit_of_its_own(services: FakeServices) -> None:
    """Whoever invents addresses still counts as one (H8)."""
    async with a_client(an_application(services), "203.0.113.7") as client:
        for number in range(40):
            headers = {"x-forwarded-for": f"198.51.100.{number}"}
            assert (await client.post("/apple/v1/log", json=["line"], headers=headers)).status_code == 200
    assert len(services.devices.lines) == 10


def test_the_rate_limit_fills_again_with_time_and_forgets_the_stalest() -> None:
    """A bucket fills at its rate, also after the clock jumped back, and memory stays bounded."""
    clock = Ticking()
    limit = RateLimit(per_minute=2, clock=clock.now, addresses_max=2)
    assert [limit.admits("a") for _ in range(3)] == [True, True, False]
    clock.seconds += 30
    assert [limit.admits("a") for _ in range(2)] == [True, False]
    clock.seconds -= 3600
    assert not limit.admits("a")
    assert limit.admits("b")
    assert limit.admits("c")
    assert limit.admits("a")


async def test_a_fault_of_ours_says_nothing_and_is_logged(
    client: httpx.AsyncClient, services: FakeServices, log_lines_written: Callable[[], str]
) -> None:
    """The last resort is a problem document without any detail; the log has the traceback, without the token."""
    services.links.fault = ZeroDivisionError("secret detail")
    answer = await client.get("/add/sometoken123")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret detail" not in answer.text
    written = log_lines_written()
    assert "ZeroDivisionError" in written
    assert "sometoken123" not in written


async def test_a_websocket_is_refused(services: FakeServices) -> None:
    """There is nothing to talk to over a websocket."""
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    await an_application(services)({"type": "websocket", "path": "/", "headers": []}, receive, send)  # type: ignore[arg-type]  # the least that ASGI asks for
    assert sent == [{"type": "websocket.close", "code": 1000, "reason": ""}]
