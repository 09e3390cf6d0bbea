"""What a route of the API is: who may call it, what it takes and answers, which errors it has.

The authentication, the reader of bodies and the OpenAPI document all work from this one description, so that none of
them can say something else than what happens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
from litestar import Request
from litestar.datastructures import State

from walletd.domain import errors as refusals
from walletd.domain.merchants.principals import Principal, Right

ApiRequest = Request[None, Principal, State]

OPT: Final = "endpoint"
"""The name under which a route handler carries its description."""

_ALWAYS: Final = (refusals.Unauthenticated, refusals.Forbidden, refusals.RateLimited, refusals.StorageUnavailable)
_WITH_BODY: Final = (
    refusals.JsonInvalid,
    refusals.ValidationFailed,
    refusals.BodyTooLarge,
    refusals.MediaTypeUnsupported,
    refusals.StorageFull,
    refusals.Overloaded,
)
_WITH_FILE: Final = tuple(error for error in _WITH_BODY if error is not refusals.JsonInvalid)
_IDEMPOTENT: Final = (
    refusals.IdempotencyKeyInvalid,
    refusals.IdempotencyKeyReused,
    refusals.IdempotencyInProgress,
    refusals.IdempotencyKeySpent,
    refusals.OutcomeUnknown,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The description of one route; `answer` is a wire struct, or None where `media_type` says what is sent."""

    summary: str
    right: Right
    answer: type[msgspec.Struct] | None = None
    status: int = 200
    media_type: str = "application/json"
    body: type[msgspec.Struct] | None = None
    upload: str | None = None
    """The media type of a file that is the body."""
    paged: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the query, each with what it says; all may be left out."""
    idempotency_key: Literal["none", "optional", "required"] = "none"
    errors: tuple[type[refusals.WalletdError], ...] = ()
    example_body: Mapping[str, object] | None = None
    example_upload: str = ""
    example: Mapping[str, object] | str | None = field(default=None)

    def all_errors(self, path: str) -> tuple[type[refusals.WalletdError], ...]:
        """Return every error this route can answer with, by the features it has."""
        found = [*_ALWAYS]
        if self.body is not None:
            found += _WITH_BODY
        if self.upload is not None:
            found += _WITH_FILE
        if self.paged:
            found += (refusals.ValidationFailed, refusals.CursorInvalid)
        if self.query:
            found.append(refusals.ValidationFailed)
        if self.idempotency_key != "none":
            found += _IDEMPOTENT
        if self.idempotency_key == "required":
            found.append(refusals.IdempotencyKeyMissing)
        if "{" in path:
            found.append(refusals.NotFound)
        return tuple(dict.fromkeys((*found, *self.errors)))
