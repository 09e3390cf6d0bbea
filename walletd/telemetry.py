"""What walletd tells about itself: log lines and figures. Everything else logs and counts through here.

No log line and no label carries a secret, a person's data or a whole serial number: keys that look like secrets are
masked by name, tokens and add links by form, serial numbers are shortened. Figures have few, fixed labels, so that a
phone or a till can never make new ones (raw paths as labels would be serial numbers in the metrics).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Literal, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from structlog.typing import FilteringBoundLogger, Processor

# --- log lines --------------------------------------------------------------------------------------------------------

_MASK = "***"
_SECRET_KEY = re.compile(
    r"(?i)secret|passw|token|authorization|cookie|api_?key|private|master|credential|session|^body$"
)
_SECRET_TEXT = (
    (re.compile(r"(?i)\b(applepass|bearer|basic)\s+[^\s\"',;]+"), rf"\1 {_MASK}"),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]*@"), rf"\1:{_MASK}@"),
    (re.compile(r"/add/[^/\s\"']+"), f"/add/{_MASK}"),
    # A push token is 64 or more hexadecimal digits.
    (re.compile(r"\b[0-9a-fA-F]{64,200}\b"), _MASK),
    # A serial number has 26 characters of base32; its first eight are enough to find it.
    (re.compile(r"\b([a-z2-7]{8})[a-z2-7]{18}\b"), r"\1…"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shortened(serial_number: str) -> str:
    """Return enough of a serial number or a device's identifier to find it, and too little to use it."""
    return serial_number if len(serial_number) <= 8 else f"{serial_number[:8]}…"


def masked(text: str) -> str:
    """Return a text without tokens, passwords, add links, whole serial numbers and control characters."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return _CONTROL.sub("�", text)


def _clean(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {key: _clean_pair(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(inner) for inner in value]
    return value


def _clean_pair(key: str, value: object) -> object:
    return _MASK if _SECRET_KEY.search(key) and value is not None else _clean(value)


def _one_line(key: str, value: object) -> object:
    """Keep a line of the log one line, whoever sent the text; only a traceback may have more."""
    return value.replace("\n", " ⏎ ") if isinstance(value, str) and key != "exception" else value


def keep_secrets(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
    """Mask every secret in a log line. The last step before it is written, so that nothing added later escapes."""
    return {key: _one_line(key, _clean_pair(key, value)) for key, value in event.items()}


class _StandardError(logging.Handler):
    """Writes to what standard error is now: a test, or a server that detaches, may exchange it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; where that fails, logging's own last resort tells, and the caller goes on."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except (OSError, ValueError):
            self.handleError(record)


def set_up_logging(log_format: Literal["console", "json"], level: int = logging.INFO) -> None:
    """Send all log lines, ours and the libraries', to standard error in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                keep_secrets,
                last,
            ],
        ),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of each request; ours say it once, and without raw paths.
    for name in ("httpx", "httpcore", "hpack", "aioapns", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


def logger(name: str) -> FilteringBoundLogger:
    """Return the logger of a module: `log = telemetry.logger(__name__)`, then `log.info("published", cards=3)`."""
    return cast("FilteringBoundLogger", structlog.stdlib.get_logger(name))


# --- figures ----------------------------------------------------------------------------------------------------------

REGISTRY = CollectorRegistry()
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)


def counter(name: str, text: str, labels: Sequence[str] = ()) -> Counter:
    """Return a new counter `walletd_<name>_total`; made once, at import, where it is counted."""
    return Counter(f"walletd_{name}", text, labels, registry=REGISTRY)


def gauge(name: str, text: str, labels: Sequence[str] = ()) -> Gauge:
    """Return a new gauge `walletd_<name>`."""
    return Gauge(f"walletd_{name}", text, labels, registry=REGISTRY)


def histogram(name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = _FAST) -> Histogram:
    """Return a new histogram `walletd_<name>`; name it with its unit, such as `…_seconds`."""
    return Histogram(f"walletd_{name}", text, labels, registry=REGISTRY, buckets=tuple(buckets))


def exposition() -> bytes:
    """Return all figures in the text form that /metrics answers (`text/plain; version=0.0.4`)."""
    return generate_latest(REGISTRY)


HTTP_REQUESTS = counter("http_requests", "Requests answered, by group of routes", ("group", "method", "status"))
HTTP_SECONDS = histogram("http_request_seconds", "Time to answer a request, by group of routes", ("group",))

BOOKINGS = counter(
    "ledger_bookings", "Bookings answered, by type and outcome (booked, replayed, refused)", ("type", "outcome")
)
PUBLISHED = counter("published_passes", "Passes that were given a new update tag")
PUBLISH_UNCHANGED = counter("published_unchanged", "Dirty cards whose pass a phone would see unchanged")
PUBLISH_LAG = histogram("publish_lag_seconds", "From the commit of a change to its update tag", buckets=_SLOW)

PUSHES = counter("pushes", "Answers of the platforms to a push, by verdict", ("platform", "verdict"))

DEVICE_MESSAGES = counter("device_messages", "What phones complained about, by class (W22)", ("kind",))

QUEUE_DEPTH = gauge("queue_depth", "Rows waiting, by queue (dirty cards, due deliveries, jobs)", ("queue",))
QUEUE_AGE = gauge("queue_age_seconds", "Age of the oldest row waiting, by queue", ("queue",))
WORKER_LAG = gauge("worker_lag_seconds", "Time since the worker last finished a round")
CERTIFICATE_DAYS = gauge("certificate_days", "Days until the first certificate of this kind ends", ("kind",))
