"""One HTTP/2 connection of the fake push service: frames in, requests out, answers back. It knows no Apple rules."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ssl import SSLObject
from typing import cast

from cryptography import x509
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError, StreamClosedError
from h2.settings import SettingCodes

from walletd.demo.apns.faults import Answer, Breakage
from walletd.demo.apns.rules import PAYLOAD_BYTES_MAX, ApnsRequest

Respond = Callable[[ApnsRequest], Awaitable[Answer]]


@dataclass(slots=True)
class _Incoming:
    headers: tuple[tuple[str, str], ...]
    body: bytearray = field(default_factory=bytearray)
    body_bytes: int = 0

    def add(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if len(self.body) <= PAYLOAD_BYTES_MAX:
            self.body += data


class ApnsConnection(asyncio.Protocol):
    """The server's side of one client connection."""

    def __init__(self, respond: Respond, open_connections: set[ApnsConnection], streams_max: int) -> None:
        self._respond = respond
        self._open_connections = open_connections
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams_max})
        self._transport: asyncio.Transport | None = None
        self._certificate_topic: str | None = None
        self._incoming: dict[int, _Incoming] = {}
        self._unsent: dict[int, bytes] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet; the TLS handshake is over, so the client's certificate is known."""
        self._transport = cast("asyncio.Transport", transport)
        self._certificate_topic = _certificate_topic(transport.get_extra_info("ssl_object"))
        self._open_connections.add(self)
        self._h2.initiate_connection()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take frames."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._flush()
            self.abort()
            return
        for event in events:
            self._handle(event)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was under way."""
        del exc
        self._open_connections.discard(self)
        for task in self._tasks.values():
            task.cancel()

    def send_goaway(self, reason: str, last_stream_id: int | None = None) -> None:
        """Send GOAWAY with a reason as Apple does, and end the connection."""
        if self._transport is None or self._transport.is_closing():
            return
        debug = json.dumps({"reason": reason}).encode()
        self._h2.close_connection(ErrorCodes.NO_ERROR, debug, last_stream_id)
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Break the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _handle(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._incoming[event.stream_id] = _Incoming(_texts(event.headers))
            case DataReceived():
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if event.stream_id in self._incoming:
                    self._incoming[event.stream_id].add(event.data)
            case StreamEnded():
                self._start(event.stream_id)
            case StreamReset():
                self._forget(event.stream_id)
            case WindowUpdated():
                self._send_unsent()
            case ConnectionTerminated():
                if self._transport is not None:
                    self._transport.close()
            case _:
                pass

    def _start(self, stream_id: int) -> None:
        incoming = self._incoming.pop(stream_id, None)
        if incoming is None:
            return
        request = ApnsRequest(incoming.headers, bytes(incoming.body), incoming.body_bytes, self._certificate_topic)
        task = asyncio.get_running_loop().create_task(self._answer(stream_id, request))
        self._tasks[stream_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(stream_id, None))

    def _forget(self, stream_id: int) -> None:
        self._incoming.pop(stream_id, None)
        self._unsent.pop(stream_id, None)
        task = self._tasks.get(stream_id)
        if task is not None:
            task.cancel()

    async def _answer(self, stream_id: int, request: ApnsRequest) -> None:
        answer = await self._respond(request)
        if answer.delay_seconds > 0:
            await asyncio.sleep(answer.delay_seconds)
        try:
            self._carry_out(stream_id, request, answer)
        except (ProtocolError, StreamClosedError):
            # The client went away or gave this request up in the meantime: nobody is left to answer.
            return
        self._flush()

    def _carry_out(self, stream_id: int, request: ApnsRequest, answer: Answer) -> None:
        match answer.breakage:
            case None:
                self._send(stream_id, request, answer)
            case Breakage.RESET:
                self._h2.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
            case Breakage.GOAWAY:
                self.send_goaway("Shutdown", max(stream_id - 2, 0))
            case Breakage.IDLE_TIMEOUT:
                self.send_goaway("IdleTimeout", max(stream_id - 2, 0))
            case Breakage.DROP:
                self._h2.send_headers(stream_id, [(":status", "200")], end_stream=False)
                self._flush()
                self.abort()
            case Breakage.HANG:
                pass

    def _send(self, stream_id: int, request: ApnsRequest, answer: Answer) -> None:
        body = _body(answer)
        headers = [(":status", str(answer.status))]
        if not answer.omit_apns_id:
            headers.append(("apns-id", request.header.get("apns-id") or str(uuid.uuid4()).upper()))
        if body:
            headers.append(("content-type", "application/json"))
        self._h2.send_headers(stream_id, headers, end_stream=not body)
        if body:
            self._unsent[stream_id] = body
            self._send_unsent()

    def _send_unsent(self) -> None:
        """Send as much of the waiting bodies as the client's windows allow; a full window waits for its update."""
        for stream_id in list(self._unsent):
            body = self._unsent[stream_id]
            window = min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)
            if window < len(body):
                continue
            del self._unsent[stream_id]
            self._h2.send_data(stream_id, body, end_stream=True)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


def _texts(headers: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name).lower(), str(value)) for name, value in headers)


def _body(answer: Answer) -> bytes:
    if answer.body is not None:
        return answer.body
    if not answer.reason:
        return b""
    document: dict[str, object] = {"reason": answer.reason}
    if answer.timestamp_ms is not None:
        document["timestamp"] = answer.timestamp_ms
    return json.dumps(document).encode()


def _certificate_topic(ssl_object: SSLObject | None) -> str | None:
    """Return the UID of the client certificate: the one topic it may push to."""
    der = ssl_object.getpeercert(binary_form=True) if ssl_object is not None else None
    if der is None:
        return None
    uids = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.USER_ID)
    return str(uids[0].value) if uids else None
