"""The one table from error to status, and the document every error becomes (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from walletd.domain import errors
from walletd.web.errors import STATUS, headers_of, problem, problem_bytes


def all_errors(kind: type[errors.WalletdError] = errors.WalletdError) -> Iterator[type[errors.WalletdError]]:
    """Every error of the domain."""
    yield kind
    for leaf in kind.__subclasses__():
        yield from all_errors(leaf)


@pytest.mark.parametrize("kind", sorted(set(all_errors()), key=str))
def test_every_error_has_its_own_row_a_code_of_its_own_and_a_title(kind: type[errors.WalletdError]) -> None:
    """No error takes its status from a parent, shares its code or goes without a sentence."""
    assert kind in STATUS
    assert [other.code for other in set(all_errors())].count(kind.code) == 1
    assert kind.title() != kind.code
    assert 400 <= STATUS[kind] <= 503
    assert STATUS[kind] != 500


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.IdempotencyKeyMissing, 400),
        (errors.IdempotencyKeyInvalid, 400),
        (errors.IdempotencyKeyReused, 422),
        (errors.IdempotencyInProgress, 409),
        (errors.IdempotencyKeySpent, 409),
        (errors.InsufficientBalance, 409),
        (errors.BalanceLimit, 409),
        (errors.AmountInvalid, 422),
        (errors.JsonInvalid, 400),
        (errors.MediaTypeUnsupported, 415),
        (errors.BodyTooLarge, 413),
        (errors.CardIsRevoked, 409),
        (errors.CardKeyReplaced, 409),
        (errors.Unauthenticated, 401),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.MethodNotAllowed, 405),
        (errors.LinkInvalid, 404),
        (errors.LinkExpired, 410),
        (errors.RateLimited, 429),
        (errors.StorageFull, 503),
        (errors.OutcomeUnknown, 503),
    ],
)
def test_the_hard_cases_have_the_statuses_that_are_promised(kind: type[errors.WalletdError], status: int) -> None:
    """The clauses of bad inputs fix these statuses (B1 to B40)."""
    assert STATUS[kind] == status


def test_a_problem_names_type_title_status_code_and_detail_and_carries_the_facts() -> None:
    """An error's document has the five members, and its facts beside them."""
    error = errors.InsufficientBalance("The account holds 5, 7 were asked for.", available=5, requested=7)
    assert problem(error) == {
        "type": "urn:walletd:error:insufficient_balance",
        "title": "The account holds less than the amount to take",
        "status": 409,
        "code": "insufficient_balance",
        "detail": "The account holds 5, 7 were asked for.",
        "available": 5,
        "requested": 7,
    }


def test_a_fact_cannot_take_the_place_of_a_member() -> None:
    """A fact named like a member of the document is left out."""
    assert problem(errors.NotFound(status=200, code="fine"))["status"] == 404


def test_any_text_can_be_named_in_a_problem() -> None:
    """Half a surrogate pair in a fact is escaped and stops nobody."""
    assert json.loads(problem_bytes(errors.NotFound(name="\ud800")))["name"] == "\ud800"


def test_waiting_times_are_whole_seconds_and_at_least_one() -> None:
    """Retry-After is rounded up, from the fact or from the table."""
    assert headers_of(errors.RateLimited(retry_after_seconds=0.01))["retry-after"] == "1"
    assert headers_of(errors.RateLimited(retry_after_seconds=61.2))["retry-after"] == "62"
    assert headers_of(errors.IdempotencyInProgress())["retry-after"] == "1"
    assert "retry-after" not in headers_of(errors.NotFound())


def test_a_repeated_refusal_says_that_it_is_repeated() -> None:
    """A declined answer replays like an accepted one (P3)."""
    error = errors.InsufficientBalance()
    assert "idempotency-replayed" not in headers_of(error)
    error.replayed = True
    assert headers_of(error)["idempotency-replayed"] == "true"
