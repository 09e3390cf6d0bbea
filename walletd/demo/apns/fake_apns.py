"""A push service that behaves as Apple's: HTTP/2 over mutual TLS, the same refusals, and faults on demand.

walletd is pointed at `url` and trusts the certificate authority that signed the server certificate; it presents the
pass certificate it signs passes with (N2). Refusals stand in `apns_rules`, faults in `apns_faults`, the way
to the phone in `apns_delivery`.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections import deque
from datetime import datetime
from pathlib import Path

from walletd.demo.apns.connection import ApnsConnection
from walletd.demo.apns.delivery import Delivery, NetworkConditions, OnPush, Push
from walletd.demo.apns.faults import Answer, Breakage, Faults
from walletd.demo.apns.rules import ApnsRequest, refusal
from walletd.demo.clock import Clock, utc_now

__all__ = ["Answer", "Breakage", "FakeApns", "Faults", "NetworkConditions", "Push"]

_REMEMBERED = 10_000
_STATUS_OK = 200


class FakeApns:
    """Apple's push service on this machine.

    `client_ca_pem` holds the certificate(s) that client certificates must chain to: root or intermediate. A client
    without such a certificate fails in the handshake; one whose subject has no UID gets 403 BadCertificate.
    """

    def __init__(
        self,
        server_cert_pem: bytes,
        server_key_pem: bytes,
        client_ca_pem: bytes,
        on_push: OnPush | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.faults = Faults()
        self.delivery = Delivery(on_push)
        self.strict = False
        """Whether tokens that nobody made known are refused with BadDeviceToken."""
        self.streams_max = 1000
        """SETTINGS_MAX_CONCURRENT_STREAMS of connections opened from now on."""
        self.pushes: deque[Push] = deque(maxlen=_REMEMBERED)
        """What was accepted with 200, oldest first."""
        self.answers: deque[tuple[ApnsRequest, Answer]] = deque(maxlen=_REMEMBERED)
        """Every request with what it was answered, oldest first."""
        self.connections_opened = 0
        self._clock = clock
        self._tls = _tls(server_cert_pem, server_key_pem, client_ca_pem)
        self._tls.sni_callback = self._refuse_tls
        self._known: dict[str, str | None] = {}
        self._unregistered: dict[str, datetime] = {}
        self._connections: set[ApnsConnection] = set()
        self._server: asyncio.Server | None = None
        self._host = "127.0.0.1"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one."""
        self._host = host
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port, ssl=self._tls)

    async def close(self) -> None:
        """Break all connections and stop listening."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()
        await self.delivery.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the push service is not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The address to give walletd as APNs: `https://127.0.0.1:<port>`."""
        return f"https://{self._host}:{self.port}"

    @property
    def connections_open(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    @property
    def conditions(self) -> NetworkConditions:
        """How deliveries fare; assign another one to change it."""
        return self.delivery.conditions

    @conditions.setter
    def conditions(self, conditions: NetworkConditions) -> None:
        self.delivery.conditions = conditions

    def know(self, token: str, topic: str | None = None) -> None:
        """Make a token known, for every topic or one; also takes back `unregister`."""
        self._known[token.lower()] = topic
        self._unregistered.pop(token.lower(), None)

    def unregister(self, token: str, at: datetime | None = None) -> None:
        """Answer 410 Unregistered for this token from now on, with `at` as the timestamp (now by default)."""
        self._unregistered[token.lower()] = at or self._clock()

    def go_offline(self, token: str) -> None:
        """Cut the phone with this token off: its pushes are stored as far as they allow it (N7)."""
        self.delivery.go_offline(token)

    def come_online(self, token: str) -> None:
        """Reach the phone again and deliver what was stored for it."""
        self.delivery.come_online(token, self._clock())

    async def until_idle(self) -> None:
        """Wait until every accepted push has arrived, been lost, or been stored."""
        await self.delivery.until_idle()

    def end_connections(self, reason: str = "IdleTimeout") -> None:
        """Say GOAWAY on every open connection now."""
        for connection in list(self._connections):
            connection.send_goaway(reason)

    def _connection(self) -> ApnsConnection:
        self.connections_opened += 1
        return ApnsConnection(self._respond, self._connections, self.streams_max)

    def _refuse_tls(self, tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> int | None:
        del tls, name, context
        return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE if self.faults.take_tls_refusal() else None

    async def _respond(self, request: ApnsRequest) -> Answer:
        answer = self.faults.take(request.token.lower()) or self._judge(request)
        self.answers.append((request, answer))
        if answer.breakage is None and answer.status == _STATUS_OK:
            push = Push(request.token.lower(), request.topic, request.header, request.body, self._clock())
            self.pushes.append(push)
            self.delivery.send(push)
        return answer

    def _judge(self, request: ApnsRequest) -> Answer:
        wrong = refusal(request)
        if wrong is not None:
            return Answer(wrong.status, wrong.reason)
        token = request.token.lower()
        gone_since = self._unregistered.get(token)
        if gone_since is not None:
            return Answer(410, "Unregistered", timestamp_ms=int(gone_since.timestamp() * 1000))
        if self.strict and token not in self._known:
            return Answer(400, "BadDeviceToken")
        if self._known.get(token) not in (None, request.topic):
            return Answer(400, "DeviceTokenNotForTopic")
        return Answer()


def _tls(server_cert_pem: bytes, server_key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
    # Without session tickets every connection shows its certificate anew; a resumed one would show none.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    with tempfile.TemporaryDirectory() as directory:
        # The ssl module loads certificates from files only.
        pem = Path(directory) / "server.pem"
        pem.touch(mode=0o600)
        pem.write_bytes(server_cert_pem + b"\n" + server_key_pem)
        context.load_cert_chain(pem)
    return context
