"""One HTTP/2 connection to APNs: aioapns, with the faults of its version 4.0 mended.

Its own connection waits for ever for answers with an empty body, without an `apns-id` or ended by RST_STREAM, breaks
down when a caller gives up, and never gives flow control back. Here every stream ends: answered, failed or abandoned.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aioapns.connection import APNsTLSClientProtocol
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError

from walletd.wallets.apple.apns_answers import CERTIFICATE_REFUSED, CONNECTION_LOST, TIMEOUT

IDLE_SECONDS = 900
"""Apple wants connections kept; a quarter of an hour without a push is a shop that has closed."""
_BODY_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class ApnsAnswer:
    """What came back on a stream; `content` is the JSON object of the body, empty where there is none."""

    status: int
    content: Mapping[str, object]


class ConnectionFault(Exception):
    """The connection failed before an answer came; `reason` is a key of `apns_answers.REASONS` where known."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class _Stream:
    answer: asyncio.Future[ApnsAnswer]
    status: int = 0
    body: bytearray = field(default_factory=bytearray)


class ApnsConnection(APNsTLSClientProtocol):
    """A live connection; `on_end` is called once when it takes no further requests."""

    INACTIVITY_TIME = IDLE_SECONDS

    def __init__(self, topic: str, on_end: Callable[[ApnsConnection], None]) -> None:
        super().__init__(topic, asyncio.get_running_loop())
        self.ready = self.loop.create_future()
        self._on_end = on_end
        self._streams: dict[int, _Stream] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._slots_max = 0  # the peer's settings say
        self._slots_taken = 0
        self._ended = False
        self._heard_at = self.loop.time()

    @property
    def ended(self) -> bool:
        """Whether it takes no further requests."""
        return self._ended

    async def send(self, headers: list[tuple[str, str]], body: bytes, seconds: float) -> ApnsAnswer:
        """Send one request as soon as the peer allows another stream, and wait `seconds` for its answer.

        Raises ConnectionFault, "Timeout" included. Whoever gives up earlier, by cancelling, disturbs nobody else.
        """
        await self._take_slot()
        stream_id, sent_at = None, self.loop.time()
        try:
            stream_id = self.conn.get_next_available_stream_id()
            stream = self._streams[stream_id] = _Stream(self.loop.create_future())
            self.conn.send_headers(stream_id, headers)
            self.conn.send_data(stream_id, body, end_stream=True)
            self.flush()
            async with asyncio.timeout(seconds):
                return await stream.answer
        except TimeoutError as error:
            if self._heard_at < sent_at:
                # Nothing at all came since: the peer is dead, and others must not wait for it as well.
                self.end(TIMEOUT)
            raise ConnectionFault(TIMEOUT) from error
        except ProtocolError as error:
            # No room in the flow control window, no stream numbers left, or the peer has gone: start afresh.
            self.end(CONNECTION_LOST)
            raise ConnectionFault(CONNECTION_LOST) from error
        finally:
            if stream_id is not None:
                self._abandon(stream_id)
            self._slots_taken -= 1
            self._hand_out_slots()

    def data_received(self, data: bytes) -> None:
        """Take what the network brought."""
        self._heard_at = self.loop.time()
        try:
            events = self.conn.receive_data(data)
        except ProtocolError:
            self.end(CONNECTION_LOST)
            return
        for event in events:
            self._on_event(event)
        if not self._ended:
            self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whatever still waits; a TLS alert says whether our certificate was refused."""
        self.end(CERTIFICATE_REFUSED if certificate_refused(exc) else CONNECTION_LOST)

    def end(self, reason: str) -> None:
        """Take no further requests, fail those under way with `reason`, and close."""
        if self._ended:
            return
        self._ended = True
        self._on_end(self)
        self.close()
        if not self.ready.done():
            self.ready.set_exception(ConnectionFault(reason))
            self.ready.exception()  # asked for here, as nobody may be waiting
        for stream in self._streams.values():
            if not stream.answer.done():
                stream.answer.set_exception(ConnectionFault(reason))
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(ConnectionFault(reason))
        self._waiting.clear()

    def refresh_inactivity_timer(self) -> None:
        """Push the idle end off; idle connections end like any other."""
        if self.inactivity_timer:
            self.inactivity_timer.cancel()
        self.inactivity_timer = self.loop.call_later(self.INACTIVITY_TIME, self.end, "IdleTimeout")

    def _on_event(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            self._on_response(event)
        elif isinstance(event, DataReceived):
            self._on_data(event)
        elif isinstance(event, StreamEnded):
            self._on_answered(event.stream_id)
        elif isinstance(event, StreamReset):
            self._fail(event.stream_id, CONNECTION_LOST)
        elif isinstance(event, RemoteSettingsChanged):
            self._on_settings()
        elif isinstance(event, ConnectionTerminated):
            self.end(_reason_of(event.additional_data))

    def _on_response(self, event: ResponseReceived) -> None:
        stream = self._streams.get(event.stream_id)
        status = next((value for name, value in event.headers if name == b":status"), b"")
        if stream is not None and status.isdigit():
            stream.status = int(status)

    def _on_data(self, event: DataReceived) -> None:
        # Upstream never does this, and the connection stands still after 65 535 bytes of refusals.
        self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self._streams.get(event.stream_id)
        if stream is not None and len(stream.body) < _BODY_BYTES_MAX:
            stream.body += event.data

    def _on_answered(self, stream_id: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.answer.done():
            stream.answer.set_result(ApnsAnswer(stream.status, _object(stream.body)))

    def _on_settings(self) -> None:
        self._slots_max = self.conn.remote_settings.max_concurrent_streams
        self._hand_out_slots()
        if not self.ready.done():
            self.ready.set_result(None)

    def _fail(self, stream_id: int, reason: str) -> None:
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.answer.done():
            stream.answer.set_exception(ConnectionFault(reason))

    def _abandon(self, stream_id: int) -> None:
        """Forget a stream; if its answer is still to come, tell the peer that nobody waits for it."""
        stream = self._streams.pop(stream_id)
        if self._ended or (stream.answer.done() and not stream.answer.cancelled()):
            return
        try:
            self.conn.reset_stream(stream_id, ErrorCodes.CANCEL)
        except ProtocolError:
            return
        self.flush()

    async def _take_slot(self) -> None:
        """Wait until the peer allows another stream; first come, first served, or the last ones would starve."""
        if self._ended:
            raise ConnectionFault(CONNECTION_LOST)
        if not self._waiting and self._slots_taken < self._slots_max:
            self._slots_taken += 1
            return
        waiter = self.loop.create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._slots_taken -= 1
                self._hand_out_slots()
            raise

    def _hand_out_slots(self) -> None:
        while self._waiting and self._slots_taken < self._slots_max:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._slots_taken += 1
                waiter.set_result(None)


def certificate_refused(error: BaseException | None) -> bool:
    """Say whether a TLS alert refuses our certificate; with TLS 1.3 it comes after the handshake."""
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    refusals = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
    return isinstance(reason, str) and "ALERT" in reason and any(word in reason for word in refusals)


def _object(body: bytearray) -> Mapping[str, object]:
    try:
        content = json.loads(body) if body else {}
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _reason_of(additional_data: bytes | None) -> str:
    """Read why APNs went away: `{"reason": "Shutdown"}` beside the GOAWAY."""
    reason = _object(bytearray(additional_data or b"")).get("reason")
    return reason if isinstance(reason, str) and reason else CONNECTION_LOST
