"""Request bodies: read with a limit, and parsed as JSON more strictly than the standard library does.

Strict means: UTF-8, no key twice, no NaN, bounded nesting, no lone surrogate and no NUL, because each of these either
hides a second meaning from a reader along the way or cannot be stored (B11, B25 and R1).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import NoReturn

from litestar.types import Receive

from walletd.domain.errors import BodyTooLarge, JsonInvalid, ValidationFailed

Headers = Iterable[tuple[bytes, bytes]]

DEPTH_MAX = 32
_DIGITS_MAX = 40
# An unfinished string runs to the end, so that each byte is looked at once whatever was sent.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.|\\\Z)*(?:"|\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive, headers: Headers, limit: int) -> bytes:
    """Return the whole body; raises BodyTooLarge above `limit` bytes before reading more, and ClientGone."""
    chunks: list[bytes] = []
    await hand_over(receive, headers, limit, chunks.append)
    return b"".join(chunks)


async def hand_over(receive: Receive, headers: Headers, limit: int, take: Callable[[bytes], object]) -> None:
    """Give each part of the body to `take`, as it comes; raises as `read_body` does."""
    announced = next((value for name, value in headers if name == b"content-length"), b"0")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise BodyTooLarge(limit_bytes=limit)
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk = message.get("body", b"")
        size += len(chunk)  # type: ignore[arg-type]  # Litestar types the message of every protocol as one union
        if size > limit:
            raise BodyTooLarge(limit_bytes=limit)
        take(chunk)  # type: ignore[arg-type]  # see above
        if not message.get("more_body", False):
            return


def parse_json(body: bytes) -> object:
    """Return the value of a JSON text.

    Raises JsonInvalid for broken or ambiguous JSON and ValidationFailed for text that cannot be stored. A number beyond
    any range that is stored becomes infinity, so that the check of its type refuses it by name.
    """
    if too_deep(body):
        raise JsonInvalid(f"The JSON is nested deeper than {DEPTH_MAX} levels.")
    try:
        value: object = json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise JsonInvalid("The body is not UTF-8.") from error
    except json.JSONDecodeError as error:
        raise JsonInvalid(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from error
    if b"\\u" in body:
        # Raw NUL and raw surrogates were refused above; only an escape can still carry them in.
        _check_text(value, "")
    return value


def too_deep(body: bytes) -> bool:
    """Say whether brackets nest deeper than DEPTH_MAX; strings do not count."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            return True
    return False


def pointer_to(pointer: str, key: str | int) -> str:
    """Return the JSON pointer one step further (RFC 6901)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonInvalid(f"The key {json.dumps(key[:100])} occurs twice in one object.")
            seen.add(key)
    return result


def _no_constant(name: str) -> NoReturn:
    raise JsonInvalid(f"{name} is not JSON.")


def _integer(digits: str) -> int | float:
    # Python refuses to read very long integers with an error of its own; none of them is in any range here.
    return int(digits) if len(digits) <= _DIGITS_MAX else math.inf


def _check_text(value: object, pointer: str) -> None:
    if isinstance(value, str):
        if not _storable(value):
            detail = "must not contain NUL or half of a surrogate pair"
            raise ValidationFailed(
                f"{pointer or 'The text'} {detail}.", errors=[{"pointer": pointer, "detail": detail}]
            )
    elif isinstance(value, dict):
        for key, item in value.items():
            # The key itself may be what is at fault, and then it cannot be named in a pointer.
            _check_text(key, pointer)
            _check_text(item, pointer_to(pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_text(item, pointer_to(pointer, index))


def _storable(text: str) -> bool:
    return not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text)
