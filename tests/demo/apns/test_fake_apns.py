"""The fake push service refuses what Apple refuses, fails on demand, and delivers as unreliably as it is told to."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aioapns import APNs, NotificationRequest, PushType

from tests.demo.certificates import Leaf, PassAuthority
from tests.demo.conftest import MovableClock
from tests.demo.iphone.passes import PASS_TYPE
from walletd.demo.apns.fake_apns import Breakage, FakeApns, NetworkConditions, Push
from walletd.demo.apns.tls import DemoAuthority

TOKEN = "ab" * 32
HEADERS = {
    "apns-topic": PASS_TYPE,
    "apns-push-type": "background",
    "apns-priority": "5",
    "apns-expiration": "4102444800",
}


@pytest.fixture(scope="session")
def network() -> DemoAuthority:
    """The certificate authority of the push service."""
    return DemoAuthority(datetime.now(UTC))


@pytest.fixture
def arrived() -> list[Push]:
    """What reached phones."""
    return []


@pytest.fixture
async def apns(
    network: DemoAuthority,
    pass_authority: PassAuthority,
    clock: MovableClock,
    arrived: list[Push],
) -> AsyncIterator[FakeApns]:
    """A running push service."""
    server = network.server_certificate()
    apns = FakeApns(server.certificate_pem, server.key_pem, pass_authority.root_pem, arrived.append, clock)
    await apns.start()
    yield apns
    await apns.close()


Connect = Callable[[Leaf | None], httpx.AsyncClient]


@pytest.fixture
def connect(network: DemoAuthority, tmp_path: Path) -> Connect:
    """Make an HTTP/2 client that shows the certificate it is given."""

    def connect(leaf: Leaf | None) -> httpx.AsyncClient:
        context = ssl.create_default_context(cadata=network.certificate_pem.decode())
        if leaf is not None:
            pem = tmp_path / "client.pem"
            pem.write_bytes(leaf.pem)
            context.load_cert_chain(pem)
        return httpx.AsyncClient(http1=False, http2=True, verify=context, timeout=5)

    return connect


@pytest.fixture
async def client(connect: Connect, leaf: Leaf) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the certificate of the shop."""
    async with connect(leaf) as client:
        yield client


async def push(apns: FakeApns, client: httpx.AsyncClient, token: str = TOKEN, **headers: str) -> httpx.Response:
    """Send one right push; headers with underscores replace those with hyphens."""
    changed = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    sent = {name: value for name, value in changed.items() if value}
    return await client.post(f"{apns.url}/3/device/{token}", headers=sent, content=b"{}")


async def test_right_push_is_accepted_and_reaches_the_phone(
    apns: FakeApns,
    client: httpx.AsyncClient,
    arrived: list[Push],
) -> None:
    """200 with an apns-id and an empty body; the push is recorded and delivered."""
    response = await push(apns, client)
    await asyncio.sleep(0.01)
    assert (response.status_code, response.content, response.http_version) == (200, b"", "HTTP/2")
    assert response.headers["apns-id"]
    assert [(each.token, each.topic, each.body) for each in arrived] == [(TOKEN, PASS_TYPE, b"{}")]
    assert list(apns.pushes) == arrived


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"path": "/3/device/xyz"}, 400, "BadDeviceToken"),
        ({"path": "/3/device/"}, 400, "MissingDeviceToken"),
        ({"path": "/push"}, 404, "BadPath"),
        ({"method": "PUT"}, 405, "MethodNotAllowed"),
        ({"content": b""}, 400, "PayloadEmpty"),
        ({"content": b"x" * 4097}, 413, "PayloadTooLarge"),
        ({"apns-topic": ""}, 400, "MissingTopic"),
        ({"apns-topic": "no topic"}, 400, "BadTopic"),
        ({"apns-topic": "pass.of.another"}, 400, "TopicDisallowed"),
        ({"apns-priority": "7"}, 400, "BadPriority"),
        ({"apns-expiration": "tomorrow"}, 400, "BadExpirationDate"),
        ({"apns-id": "1"}, 400, "BadMessageId"),
        ({"apns-collapse-id": "x" * 65}, 400, "BadCollapseId"),
        ({"apns-push-type": "loud"}, 400, "InvalidPushType"),
    ],
)
async def test_wrong_request_is_refused_with_apples_reason(
    apns: FakeApns,
    client: httpx.AsyncClient,
    change: dict[str, Any],
    status: int,
    reason: str,
) -> None:
    """Each mistake has its own status and reason, and nothing is delivered."""
    path = change.pop("path", f"/3/device/{TOKEN}")
    method = change.pop("method", "POST")
    content = change.pop("content", b"{}")
    headers = {name: value for name, value in {**HEADERS, **change}.items() if value}
    response = await client.request(method, f"{apns.url}{path}", headers=headers, content=content)
    assert (response.status_code, response.json()) == (status, {"reason": reason})
    assert not apns.pushes


async def test_duplicate_header_is_refused(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """The same apns header twice is an error."""
    headers = [*HEADERS.items(), ("apns-priority", "10")]
    response = await client.post(f"{apns.url}/3/device/{TOKEN}", headers=headers, content=b"{}")
    assert response.json() == {"reason": "DuplicateHeaders"}


async def test_certificate_without_uid_is_a_bad_certificate(
    apns: FakeApns,
    connect: Connect,
    pass_authority: PassAuthority,
) -> None:
    """A certificate of the right authority that names no topic gets 403."""
    async with connect(pass_authority.leaf(None)) as client:
        response = await push(apns, client)
    assert (response.status_code, response.json()) == (403, {"reason": "BadCertificate"})


@pytest.mark.parametrize("has_certificate", [True, False])
async def test_foreign_or_missing_certificate_fails_in_the_handshake(
    apns: FakeApns,
    connect: Connect,
    has_certificate: bool,
) -> None:
    """Without a certificate of the given authority there is no connection."""
    stranger = PassAuthority(datetime.now(UTC), "Stranger").leaf(PASS_TYPE) if has_certificate else None
    async with connect(stranger) as client:
        with pytest.raises(httpx.TransportError):
            await push(apns, client)


async def test_unknown_token_is_bad_only_where_the_registry_is_strict(
    apns: FakeApns,
    client: httpx.AsyncClient,
) -> None:
    """A strict registry knows its phones, and for which topic."""
    assert (await push(apns, client)).status_code == 200
    apns.strict = True
    assert (await push(apns, client)).json() == {"reason": "BadDeviceToken"}
    apns.know(TOKEN, "pass.of.another")
    assert (await push(apns, client)).json() == {"reason": "DeviceTokenNotForTopic"}
    apns.know(TOKEN)
    assert (await push(apns, client)).status_code == 200


async def test_unregistered_token_is_gone_since_a_moment(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """410 carries the moment in milliseconds."""
    gone_since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    apns.unregister(TOKEN, gone_since)
    response = await push(apns, client)
    assert response.status_code == 410
    assert response.json() == {"reason": "Unregistered", "timestamp": int(gone_since.timestamp() * 1000)}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "ExpiredProviderToken"),
        (410, "ExpiredToken"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
async def test_any_status_comes_on_demand_as_often_as_asked(
    apns: FakeApns,
    client: httpx.AsyncClient,
    status: int,
    reason: str,
) -> None:
    """The script is played in order, then the service is itself again."""
    apns.faults.next(status, reason, count=2)
    answers = [await push(apns, client) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].json() == {"reason": reason}


async def test_answer_without_body_or_id_and_for_one_token_only(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """A body can be replaced, the apns-id left out, and other tokens spared."""
    other = "cd" * 32
    apns.faults.next(503, body=b"", omit_apns_id=True, token=TOKEN)
    assert (await push(apns, client, other)).status_code == 200
    response = await push(apns, client)
    assert (response.status_code, response.content, "apns-id" in response.headers) == (503, b"", False)


@pytest.mark.parametrize("breakage", [Breakage.RESET, Breakage.GOAWAY, Breakage.IDLE_TIMEOUT, Breakage.DROP])
async def test_broken_connection_is_an_error_and_the_next_push_works(
    apns: FakeApns,
    client: httpx.AsyncClient,
    breakage: Breakage,
) -> None:
    """The client sees its connection fail; afterwards everything is as before."""
    apns.faults.break_next(breakage)
    with pytest.raises(httpx.TransportError):
        await push(apns, client)
    assert (await push(apns, client)).status_code == 200
    assert len(apns.pushes) == 1


async def test_hanging_request_leaves_the_connection_usable(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """One request is never answered, others on the same connection are."""
    apns.faults.break_next(Breakage.HANG)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(push(apns, client), 0.2)
    assert (await push(apns, client)).status_code == 200


async def test_slow_answer_comes_late(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """The answer waits as long as asked."""
    apns.faults.slow(0.15)
    started = asyncio.get_running_loop().time()
    assert (await push(apns, client)).status_code == 200
    assert asyncio.get_running_loop().time() - started >= 0.15


async def test_refused_handshake_is_an_error_once(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """TLS is refused as often as asked."""
    apns.faults.refuse_tls()
    with pytest.raises(httpx.TransportError):
        await push(apns, client)
    assert (await push(apns, client)).status_code == 200


async def test_idle_connections_can_be_ended(apns: FakeApns, client: httpx.AsyncClient) -> None:
    """GOAWAY on an idle connection: the client finds it closed, and opens another one."""
    await push(apns, client)
    apns.end_connections()
    with pytest.raises(httpx.TransportError):
        await push(apns, client)
    assert (await push(apns, client)).status_code == 200
    assert apns.connections_opened == 2


async def test_thousands_of_error_bodies_fit_through_one_connection(
    apns: FakeApns,
    client: httpx.AsyncClient,
) -> None:
    """Bodies wait for the client's window instead of breaking the connection."""
    apns.unregister(TOKEN)
    for _ in range(4):
        answers = await asyncio.gather(*(push(apns, client) for _ in range(300)))
        assert {answer.status_code for answer in answers} == {410}
    assert apns.connections_opened == 1


async def test_a_lossy_network_accepts_everything_and_delivers_some(
    apns: FakeApns,
    client: httpx.AsyncClient,
    arrived: list[Push],
) -> None:
    """200 is no promise: pushes are lost, doubled and late, the same way for the same seed."""
    apns.conditions = NetworkConditions(lose=0.3, double=0.2, delay=(0.0, 0.01), seed=7)
    for _ in range(40):
        assert (await push(apns, client)).status_code == 200
    await apns.until_idle()
    twin = NetworkConditions(lose=0.3, double=0.2, delay=(0.0, 0.01), seed=7)
    assert len(arrived) == sum(len(twin.delays()) for _ in range(40))
    assert len(arrived) not in (0, 40)


async def test_offline_phone_gets_only_the_latest_push_that_may_wait(
    apns: FakeApns,
    client: httpx.AsyncClient,
    clock: MovableClock,
    arrived: list[Push],
) -> None:
    """Stored are pushes with a future expiration, one per topic (N7)."""
    apns.go_offline(TOKEN)
    soon = str(int((clock.now + timedelta(hours=1)).timestamp()))
    await push(apns, client, apns_expiration=soon, apns_priority="10")
    await push(apns, client, apns_expiration=soon)
    await push(apns, client, apns_expiration="0")
    apns.come_online(TOKEN)
    await asyncio.sleep(0.01)
    assert [each.headers["apns-priority"] for each in arrived] == ["5"]


async def test_expired_push_is_not_delivered_any_more(
    apns: FakeApns,
    client: httpx.AsyncClient,
    clock: MovableClock,
    arrived: list[Push],
) -> None:
    """A phone that comes back too late hears nothing."""
    apns.go_offline(TOKEN)
    await push(apns, client, apns_expiration=str(int(clock.now.timestamp()) + 60))
    clock.advance(61)
    apns.come_online(TOKEN)
    await asyncio.sleep(0.01)
    assert arrived == []


async def test_aioapns_can_push(apns: FakeApns, leaf: Leaf, network: DemoAuthority, tmp_path: Path) -> None:
    """The client library that walletd uses speaks with the fake as it does with Apple."""
    pem = tmp_path / "client.pem"
    pem.write_bytes(leaf.pem)
    context = ssl.create_default_context(cadata=network.certificate_pem.decode())
    context.set_alpn_protocols(["h2"])
    client = APNs(client_cert=str(pem), topic=PASS_TYPE, ssl_context=context)
    base = client.pool.protocol_class
    client.pool.protocol_class = type("Local", (base,), {"APNS_SERVER": "127.0.0.1", "APNS_PORT": apns.port})
    request = NotificationRequest(device_token=TOKEN, message={}, push_type=PushType.BACKGROUND, time_to_live=60)
    result = await asyncio.wait_for(client.send_notification(request), 5)
    client.pool.close()
    assert result.is_successful
    assert json.loads(apns.pushes[0].body) == {}
