"""Errors in the shape and, where they are known, the words of Google's REST API (G3.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiError(Exception):
    """An answer that is no success."""

    status: int
    reason: str
    message: str
    domain: str = "walletobjects"

    def body(self) -> bytes:
        """Return the JSON that goes with the status."""
        error: dict[str, Any] = {
            "code": self.status,
            "message": self.message,
            "errors": [{"message": self.message, "domain": self.domain, "reason": self.reason}],
        }
        return json.dumps({"error": error}).encode()


def invalid(message: str) -> ApiError:
    """A body or identifier that the API does not take."""
    return ApiError(400, "invalidResource", message)


def no_class(class_id: object) -> ApiError:
    """The class of an object is not there."""
    return ApiError(404, "IssuerClassNotFound", f"Class {class_id} not found.")


def no_resource(resource_id: str) -> ApiError:
    """The class or object is not there."""
    return ApiError(404, "resourceNotFound", f"Resource {resource_id} not found.")


def exists(resource_id: str) -> ApiError:
    """The identifier is taken; nothing can be deleted."""
    return ApiError(409, "conflict", f"Resource {resource_id} already exists.")


def not_permitted(issuer: str) -> ApiError:
    """The account is no user of the issuer in Google's console."""
    return ApiError(403, "permissionDenied", f"Permission denied for issuer {issuer}.")


def too_many_notifications(issuer: str, what: str) -> ApiError:
    """More notifications than an object may have in 24 hours."""
    return ApiError(403, "quotaExceeded", f"Quota exceeded for issuer {issuer} when {what}.")


def too_fast() -> ApiError:
    """More requests in a second than the project may make."""
    return ApiError(429, "rateLimitExceeded", "Quota exceeded for quota metric 'Requests per second'.", "usageLimits")
