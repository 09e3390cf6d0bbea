"""Merge requests of customers: filed, confirmed by the second address, decided by staff (D2.3.4, D-28)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from walletd.db.customers import customers, merge_requests
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.customers.changes import MergeRequestConfirmed, MergeRequestFiled, MergeRequestRejected
from walletd.domain.customers.consent import MailUnavailable
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.matching import email_key
from walletd.domain.customers.merge_requests import (
    CONFIRM_WITHIN,
    CONFIRMED_BY_MAIL,
    NEW_REMARK,
    OFF,
    SAME_EMAIL,
    MergeRequest,
    MergeRequestOpen,
    MergeRequestRefused,
    MergeRequestState,
    address_mark,
)
from walletd.domain.customers.merges import MergePlan, MergeSelf
from walletd.domain.errors import LinkInvalid, NotFound
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal, PrincipalKind
from walletd.domain.pages import Page, PageRequest
from walletd.domain.validation import check_choice, check_note
from walletd.services.changes.recorder import record
from walletd.services.customers.customers import check_goes_on
from walletd.services.customers.merge_request_mails import REJECTED as REJECTED_MAIL
from walletd.services.customers.merge_request_mails import RequestMails
from walletd.services.customers.merges.merges import Merges
from walletd.services.idempotency import Answer
from walletd.services.runtime import Runtime
from walletd.services.signed_tokens import SignedTokens

_ULID_LENGTH: Final = 26
_PREFIX: Final = "mrq_"


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request with both customers, as they are now."""

    request: MergeRequest
    applicant: Customer
    second: Customer


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the page behind a link may show: who asks, and how far it is."""

    merchant_name: str
    applicant: str
    """The e-mail address of whoever asks: by it the other one knows whether that is themselves."""
    state: MergeRequestState


@dataclass(frozen=True, slots=True)
class _Approved:
    """The proposal to merge as a request asks for."""

    by: Principal
    request_id: str
    number_survivor: str | None
    remark: str | None
    now: datetime

    @property
    def asked(self) -> Mapping[str, object]:
        return {"merge_request": self.request_id, "number_survivor": self.number_survivor, "remark": self.remark}

    def plan(self, tx: Tx) -> MergePlan:
        request = _found(tx, self.by.merchant_id, self.request_id, lock=False)
        request.check_approvable(self.now)
        return MergePlan(
            identity_survivor=request.requested_by,
            number_survivor=self.number_survivor or request.requested_by,
            absorbed=request.requested_for,
            reason=self.remark or f"merge request {request.id}",
        )

    def check(self, tx: Tx) -> None:
        request = _found(tx, self.by.merchant_id, self.request_id, lock=True)
        request.check_approvable(self.now)
        if request.state == MergeRequestState.OPEN:
            # Nobody confirmed it: what made that unnecessary has to be so still.
            policy = merchants.get(tx, self.by.merchant_id).merge_requests
            view = _views(tx, [request], self.now)[0]
            _check_policy(policy, view.applicant, view.second)
            if policy == CONFIRMED_BY_MAIL:
                raise MergeRequestRefused("Requests have to be confirmed now; file it again.", policy=policy)


class MergeRequests:
    """Use cases about merge requests."""

    def __init__(self, runtime: Runtime, merges: Merges) -> None:
        self._runtime = runtime
        self._merges = merges
        self._tokens = SignedTokens(runtime, b"merge-request ", _ULID_LENGTH)

    async def file(self, by: Principal, requested_by: str, requested_for: str, remark: str | None) -> RequestView:
        """File a request for a customer, and tell staff; where the policy asks for it, ask the second address.

        Raises MergeSelf, NotFound, CardMerged, CustomerIsErased, MergeRequestRefused, MergeRequestOpen,
        MailUnavailable, ValidationFailed (a remark, or an address that is missing).
        """
        check_note(remark, "/remark")
        if requested_by == requested_for:
            raise MergeSelf
        now = self._runtime.clock()

        def write(tx: Tx) -> RequestView:
            found = {customer_id: _lock(tx, by, customer_id) for customer_id in sorted((requested_by, requested_for))}
            applicant, second = found[requested_by], found[requested_for]
            policy = merchants.get(tx, by.merchant_id).merge_requests
            _check_policy(policy, applicant, second)
            _check_pair(tx, by.merchant_id, (requested_by, requested_for), now)
            needs = policy == CONFIRMED_BY_MAIL
            request = MergeRequest(
                id=new_id("mrq", now),
                merchant_id=by.merchant_id,
                requested_by=requested_by,
                requested_for=requested_for,
                remark=remark or NEW_REMARK,
                state=MergeRequestState.AWAITING if needs else MergeRequestState.OPEN,
                created_at=now,
                confirm_until=now + CONFIRM_WITHIN if needs else None,
                asked_address=address_mark(second.details.email) if needs else None,
            )
            merge_requests.insert(tx, request)
            record(tx, by, now, MergeRequestFiled(request))
            self._tell_filed(tx, RequestView(request, applicant, second), now)
            return RequestView(request, applicant, second)

        return await self._runtime.database.write(write)

    async def page(self, by: Principal, request: PageRequest, state: str | None) -> Page[RequestView]:
        """Return a page of requests in a state, or of all; raises CursorInvalid, ValidationFailed."""
        chosen = None if state is None else check_choice(MergeRequestState, state, "/state")
        now = self._runtime.clock()

        def read(tx: Tx) -> Page[RequestView]:
            found = merge_requests.page(tx, by.merchant_id, request, chosen, now)
            return Page(tuple(_views(tx, found.items, now)), found.next_cursor)

        return await self._runtime.database.read(read)

    async def get(self, by: Principal, request_id: str) -> RequestView:
        """Return a request; raises NotFound."""
        now = self._runtime.clock()
        return await self._runtime.database.read(
            lambda tx: _views(tx, [_found(tx, by.merchant_id, request_id, lock=False)], now)[0]
        )

    async def approve(
        self,
        by: Principal,
        request_id: str,
        number_survivor: str | None,
        remark: str | None,
        idempotency_key: str | None,
    ) -> Answer:
        """Merge both, once per key: the applicant's account is the main one (S4-057), with its number unless named.

        Raises what `merges.commit` raises, NotFound, MergeRequestUnconfirmed, MergeRequestDecided, MergeRequestRefused
        (nobody had to confirm it, and the policy would not allow it any more).
        """
        proposal = _Approved(by, request_id, number_survivor, remark, self._runtime.clock())
        return await self._merges.commit_proposed(by, proposal, idempotency_key)

    async def reject(self, by: Principal, request_id: str, remark: str | None) -> RequestView:
        """Reject a request, and tell whoever asked; raises NotFound, MergeRequestDecided, ValidationFailed."""
        check_note(remark, "/remark")
        now = self._runtime.clock()
        return await self._runtime.database.write(
            lambda tx: self._reject(tx, by, _found(tx, by.merchant_id, request_id, lock=True), remark, now)
        )

    def link(self, request_id: str) -> str:
        """Return the address of the page where the second address answers, good for `CONFIRM_WITHIN`."""
        token = self._tokens.make(request_id.removeprefix(_PREFIX).encode(), CONFIRM_WITHIN)
        return f"{self._runtime.public_url}/confirm/{token}"

    async def open(self, token: str) -> Confirmation:
        """Return what the page behind a link shows; it changes nothing. Raises LinkInvalid, LinkExpired."""
        request_id, now = self._request(token), self._runtime.clock()
        return await self._runtime.database.read(lambda tx: _confirmation(tx, _asked(tx, request_id, lock=False), now))

    async def answer(self, token: str, *, agrees: bool) -> Confirmation:
        """Store what the second address answered; raises LinkInvalid, LinkExpired, MergeRequestDecided."""
        request_id, now = self._request(token), self._runtime.clock()

        def write(tx: Tx) -> Confirmation:
            request = _asked(tx, request_id, lock=True)
            by = Principal(request.merchant_id, PrincipalKind.CUSTOMER, "holder", "the holder")
            if not agrees:
                return _confirmation(tx, self._reject(tx, by, request, None, now).request, now)
            confirmed = request.confirmed(now)
            if confirmed != request:
                merge_requests.change(tx, confirmed)
                record(tx, by, now, MergeRequestConfirmed(request))
                view = _views(tx, [confirmed], now)[0]
                if self._runtime.mail_channel is not None:
                    self._mails(tx, confirmed, now).queue_confirmed(view.applicant, view.second)
            return _confirmation(tx, confirmed, now)

        return await self._runtime.database.write(write)

    def _reject(self, tx: Tx, by: Principal, request: MergeRequest, remark: str | None, now: datetime) -> RequestView:
        rejected = request.rejected(remark, now)
        merge_requests.change(tx, rejected)
        record(tx, by, now, MergeRequestRejected(request))
        view = _views(tx, [rejected], now)[0]
        if self._runtime.mail_channel is not None:
            self._mails(tx, rejected, now).queue_decided(view.applicant, REJECTED_MAIL)
        return view

    def _tell_filed(self, tx: Tx, view: RequestView, now: datetime) -> None:
        mails = self._mails(tx, view.request, now)
        if view.request.state == MergeRequestState.AWAITING:
            if self._runtime.mail_channel is None:
                raise MailUnavailable
            mails.ask(view.applicant, view.second, self.link(view.request.id))
        if self._runtime.mail_channel is not None:
            mails.queue_filed(view.applicant, view.second)

    def _mails(self, tx: Tx, request: MergeRequest, now: datetime) -> RequestMails:
        return RequestMails(tx, merchants.get(tx, request.merchant_id), request, now)

    def _request(self, token: str) -> str:
        return f"{_PREFIX}{self._tokens.read(token).decode()}"


def _check_policy(policy: str, applicant: Customer, second: Customer) -> None:
    if policy == OFF:
        raise MergeRequestRefused("This shop takes no merge requests.", policy=policy)
    mine, theirs = email_key(applicant.details.email), email_key(second.details.email)
    if policy == SAME_EMAIL and (mine is None or mine != theirs):
        raise MergeRequestRefused("This shop merges only accounts with the same e-mail address.", policy=policy)


def _check_pair(tx: Tx, merchant_id: str, pair: tuple[str, str], now: datetime) -> None:
    """Raise MergeRequestOpen for a pair that somebody still has to decide about; one that expired is closed."""
    # Both customers are locked, so that two requests about them wait for each other.
    present = merge_requests.undecided(tx, merchant_id, pair)
    if present is None:
        return
    if present.at(now).state != MergeRequestState.EXPIRED:
        raise MergeRequestOpen(merge_request_id=present.id)
    merge_requests.change(tx, present.at(now))


def _lock(tx: Tx, by: Principal, customer_id: str) -> Customer:
    customer = customers.find(tx, by.merchant_id, customer_id, lock=True)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    check_goes_on(customer)
    return customer


def _found(tx: Tx, merchant_id: str, request_id: str, *, lock: bool) -> MergeRequest:
    request = merge_requests.find(tx, merchant_id, request_id, lock=lock)
    if request is None:
        raise NotFound(f"There is no merge request {request_id}.")
    return request


def _asked(tx: Tx, request_id: str, *, lock: bool) -> MergeRequest:
    request = merge_requests.find(tx, None, request_id, lock=lock)
    if request is None:
        raise LinkInvalid
    second = customers.find_any(tx, request.requested_for)
    if second is None or not request.can_confirm(second.details.email):
        raise LinkInvalid
    return request


def _confirmation(tx: Tx, request: MergeRequest, now: datetime) -> Confirmation:
    view = _views(tx, [request], now)[0]
    merchant = merchants.get(tx, request.merchant_id)
    return Confirmation(merchant.name, view.applicant.details.email or "", view.request.state)


def _views(tx: Tx, requests: Sequence[MergeRequest], now: datetime) -> list[RequestView]:
    known = customers.by_ids(
        tx, {customer_id for request in requests for customer_id in (request.requested_by, request.requested_for)}
    )
    return [
        RequestView(request.at(now), known[request.requested_by], known[request.requested_for]) for request in requests
    ]
