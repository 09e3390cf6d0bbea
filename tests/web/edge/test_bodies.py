"""Strict JSON: what is refused, and what stays as it was sent (B11, B25 and R1)."""

from __future__ import annotations

import contextlib
import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletd.domain.errors import JsonInvalid, ValidationFailed
from walletd.web.edge.bodies import DEPTH_MAX, parse_json, pointer_to, too_deep


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1, "a": 1}',
        b'[{"b": {"a": 1, "c": 2, "a": 3}}]',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"-Infinity",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'"a\nb"',
        b'"\x00"',
        b"{} {}",
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b"[" * 50_000,
        b'{"a":' * 10_000,
    ],
)
def test_broken_and_ambiguous_json_is_refused(body: bytes) -> None:
    """What two readers could understand differently, or none at all, is json_invalid."""
    with pytest.raises(JsonInvalid):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [(rb'{"a": ["\u0000"]}', "/a/0"), (rb'{"a/b": "\ud800"}', "/a~1b"), (rb'{"\udfff": 1}', ""), (rb'"\ud83dx"', "")],
)
def test_text_that_no_database_stores_is_named_by_its_pointer(body: bytes, pointer: str) -> None:
    """NUL and lone surrogates come in by escapes only, and are refused where they stand."""
    with pytest.raises(ValidationFailed) as refused:
        parse_json(body)
    assert refused.value.facts["errors"] == [
        {"pointer": pointer, "detail": "must not contain NUL or half of a surrogate pair"}
    ]


def test_numbers_beyond_every_range_become_infinity() -> None:
    """A number too long to read is no fault of the JSON; the check of its type refuses it by name."""
    assert parse_json(b"1e400") == math.inf
    assert parse_json(b"1" * 10_000) == math.inf
    assert parse_json(b"9223372036854775808") == 2**63


def test_brackets_in_texts_do_not_nest() -> None:
    """Only brackets outside strings count, also where strings hold quotes."""
    assert parse_json(json.dumps(["[" * 100 + '"' + "{" * 100] * 3).encode())
    assert not too_deep(b'"' + b"[" * 100)
    assert not too_deep(b'"' + rb"\"[" * 100)
    assert too_deep(b'"\\\\"' + b"[" * 100)


def test_a_body_of_quotes_takes_no_time() -> None:
    """The depth is found in one pass, whatever was sent."""
    started = time.perf_counter()
    too_deep(b"[" * 40 + rb"\"" * 30_000)
    too_deep(b"[" * 40 + b'"' * 60_000)
    assert time.perf_counter() - started < 0.5


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    """A slash and a tilde in a key do not split the pointer."""
    assert pointer_to("/a", "b/~c") == "/a/b~1~0c"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_every_other_value_comes_through_unchanged(value: object) -> None:
    """Strictness changes nothing about JSON that has one meaning."""
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_an_error_of_ours(body: bytes) -> None:
    """Whatever is sent, the answer is a value or one of the errors of the API."""
    with contextlib.suppress(JsonInvalid, ValidationFailed):
        parse_json(body)
