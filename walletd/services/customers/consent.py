"""The consent to newsletters: an invitation by mail, answered on a page, or noted by hand (D-48)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.customers.changes import OptInChanged
from walletd.domain.customers.consent import NOT_ASKED, MailUnavailable, OptInState
from walletd.domain.customers.customers import Customer
from walletd.domain.errors import LinkInvalid, NotFound
from walletd.domain.merchants.principals import Principal, PrincipalKind
from walletd.services.changes.recorder import record
from walletd.services.customers.customers import check_goes_on
from walletd.services.outbox import mail_queue, mail_texts
from walletd.services.runtime import Runtime
from walletd.services.signed_tokens import SignedTokens

ANSWER_WITHIN: Final = timedelta(days=30)
_ULID_LENGTH: Final = 26


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the page behind an invitation may show: nothing about the person."""

    merchant_name: str
    state: OptInState


class Consent:
    """Use cases about the consent to newsletters."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tokens = SignedTokens(runtime, b"opt-in ", _ULID_LENGTH)

    async def invite(self, by: Principal, customer_id: str, *, by_mail: bool) -> Customer:
        """Note that a customer was invited, and mail the invitation unless it was handed over otherwise.

        Raises NotFound, CardMerged, ValidationFailed (no e-mail address), MailUnavailable.
        """
        now = self._runtime.clock()
        if by_mail and self._runtime.mail_channel is None:
            raise MailUnavailable

        def write(tx: Tx) -> Customer:
            customer = _find(tx, by.merchant_id, customer_id)
            if by_mail:
                self._mail(tx, customer, now)
            return _step(tx, by, customer, OptInState.SENT, now)

        return await self._runtime.database.write(write)

    async def note(self, by: Principal, customer_id: str, state: OptInState) -> Customer:
        """Note by hand that a customer `confirmed` or `revoked`; raises NotFound, CardMerged, OptInRefused."""
        now = self._runtime.clock()
        return await self._runtime.database.write(
            lambda tx: _step(tx, by, _find(tx, by.merchant_id, customer_id), state, now)
        )

    def link(self, customer_id: str) -> str:
        """Return the address of the page where a customer answers, good for `ANSWER_WITHIN`."""
        token = self._tokens.make(customer_id.removeprefix("cus_").encode(), ANSWER_WITHIN)
        return f"{self._runtime.public_url}/opt-in/{token}"

    async def open(self, token: str) -> Invitation:
        """Return what the page of an invitation shows; it changes nothing. Raises LinkInvalid, LinkExpired."""
        customer_id = self._customer(token)

        def read(tx: Tx) -> Invitation:
            customer = _invited(tx, customer_id, lock=False)
            merchant = merchants.get(tx, customer.merchant_id)
            return Invitation(merchant.name, customer.opt_in.state)

        return await self._runtime.database.read(read)

    async def answer(self, token: str, *, consents: bool) -> Invitation:
        """Store what a customer answered; raises LinkInvalid, LinkExpired, OptInRefused."""
        customer_id, now = self._customer(token), self._runtime.clock()

        def write(tx: Tx) -> Invitation:
            customer = _invited(tx, customer_id, lock=True)
            merchant = merchants.get(tx, customer.merchant_id)
            by = Principal(customer.merchant_id, PrincipalKind.CUSTOMER, "holder", "the holder")
            state = OptInState.CONFIRMED if consents else OptInState.REVOKED
            changed = _step(tx, by, customer, state, now)
            return Invitation(merchant.name, changed.opt_in.state)

        return await self._runtime.database.write(write)

    def _mail(self, tx: Tx, customer: Customer, now: datetime) -> None:
        merchant = merchants.get(tx, customer.merchant_id)
        link, days = self.link(customer.id), ANSWER_WITHIN.days
        mail = mail_queue.to_customer(merchant, customer, mail_texts.INVITATION, link=link, days=days)
        mail_queue.queue(tx, merchant.id, f"opt-in {customer.id}", mail, now)

    def _customer(self, token: str) -> str:
        return f"cus_{self._tokens.read(token).decode()}"


def _find(tx: Tx, merchant_id: str, customer_id: str) -> Customer:
    customer = customers.find(tx, merchant_id, customer_id, lock=True)
    if customer is None:
        raise NotFound(f"There is no customer {customer_id}.")
    check_goes_on(customer)
    return customer


def _invited(tx: Tx, customer_id: str, *, lock: bool) -> Customer:
    """Return who was invited; after a merge that is the customer who goes on."""
    customer = customers.find_any(tx, customer_id, lock=lock)
    if customer is not None and customer.merged_into is not None:
        customer = customers.find_any(tx, customer.merged_into, lock=lock)
    if customer is None or customer.opt_in == NOT_ASKED:
        raise LinkInvalid
    return customer


def _step(tx: Tx, by: Principal, customer: Customer, state: OptInState, now: datetime) -> Customer:
    changed = replace(customer, opt_in=customer.opt_in.after(state, now))
    if changed != customer:
        customers.change(tx, [changed])
        record(tx, by, now, OptInChanged(customer.id, state))
    return changed
