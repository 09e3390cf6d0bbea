"""What Apple's push service demands of a request, as a pure function from request to refusal.

Reasons and statuses are those of Apple's "Handling notification responses from APNs" (A3).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

PAYLOAD_BYTES_MAX: Final = 4096
_COLLAPSE_ID_BYTES_MAX: Final = 64
_DEVICE_PATH: Final = "/3/device/"
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){16,100}")
_TOPIC = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_MESSAGE_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EXPIRATION = re.compile(r"[0-9]{1,12}")
_PRIORITIES = frozenset({"1", "5", "10"})
_PUSH_TYPES = frozenset({"alert", "background", "complication", "controls", "fileprovider", "location"}) | {
    "liveactivity",
    "mdm",
    "pushtotalk",
    "voip",
    "widgets",
}


@dataclass(frozen=True, slots=True)
class ApnsRequest:
    """One HTTP/2 request as it came in; header names are lower case, pseudo headers included.

    `body` is cut off a little behind the limit, `body_bytes` counts all of it.
    """

    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_bytes: int
    certificate_topic: str | None
    """The UID of the client certificate: the topic it may push to. None where the certificate names none."""

    @property
    def header(self) -> Mapping[str, str]:
        """The headers as a mapping; of duplicates the last one counts."""
        return dict(self.headers)

    @property
    def token(self) -> str:
        """The device token of the path, as sent; empty where there is none."""
        path = self.header.get(":path", "")
        return path.removeprefix(_DEVICE_PATH) if path.startswith(_DEVICE_PATH) else ""

    @property
    def topic(self) -> str:
        """The `apns-topic`; empty where there is none."""
        return self.header.get("apns-topic", "")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status with Apple's reason for it."""

    status: int
    reason: str


def refusal(request: ApnsRequest) -> Refusal | None:
    """Return what Apple would refuse the request for, or None where its form is right."""
    for check in (_route, _headers, _topic, _payload):
        found = check(request)
        if found is not None:
            return found
    return None


def _route(request: ApnsRequest) -> Refusal | None:
    header = request.header
    if not header.get(":path", "").startswith(_DEVICE_PATH):
        return Refusal(404, "BadPath")
    if header.get(":method") != "POST":
        return Refusal(405, "MethodNotAllowed")
    if not request.token:
        return Refusal(400, "MissingDeviceToken")
    if not _TOKEN.fullmatch(request.token):
        return Refusal(400, "BadDeviceToken")
    return None


def _headers(request: ApnsRequest) -> Refusal | None:
    if _has_duplicates(name for name, _ in request.headers):
        return Refusal(400, "DuplicateHeaders")
    header = request.header
    wrong = (
        ("BadMessageId", not _MESSAGE_ID.fullmatch(header.get("apns-id", "0" * 8 + "-0000" * 3 + "-" + "0" * 12))),
        ("BadExpirationDate", not _EXPIRATION.fullmatch(header.get("apns-expiration", "0"))),
        ("BadPriority", header.get("apns-priority", "10") not in _PRIORITIES),
        ("BadCollapseId", len(header.get("apns-collapse-id", "").encode()) > _COLLAPSE_ID_BYTES_MAX),
        ("InvalidPushType", header.get("apns-push-type", "alert") not in _PUSH_TYPES),
    )
    return next((Refusal(400, reason) for reason, is_wrong in wrong if is_wrong), None)


def _has_duplicates(names: Iterable[str]) -> bool:
    counts = Counter(name for name in names if name.startswith((":", "apns-", "authorization")))
    return any(count > 1 for count in counts.values())


def _topic(request: ApnsRequest) -> Refusal | None:
    if request.certificate_topic is None:
        return Refusal(403, "BadCertificate")
    if not request.topic:
        return Refusal(400, "MissingTopic")
    if not _TOPIC.fullmatch(request.topic):
        return Refusal(400, "BadTopic")
    if request.topic != request.certificate_topic:
        return Refusal(400, "TopicDisallowed")
    return None


def _payload(request: ApnsRequest) -> Refusal | None:
    if request.body_bytes == 0:
        return Refusal(400, "PayloadEmpty")
    if request.body_bytes > PAYLOAD_BYTES_MAX:
        return Refusal(413, "PayloadTooLarge")
    return None
