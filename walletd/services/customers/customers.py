"""Customers: created, looked up, changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime

from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.customers.changes import CustomerChanged, CustomerCreated, CustomerFlagged
from walletd.domain.customers.customers import (
    Customer,
    CustomerDetails,
    LoyaltyStatus,
    NewCustomer,
    check_details,
    check_new_customer,
)
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.customers.matching import match_keys
from walletd.domain.customers.merges import CardMerged
from walletd.domain.errors import CustomerNumberTaken, NotFound
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.validation import invalid
from walletd.services.changes.recorder import record
from walletd.services.customers.matching import note_duplicates
from walletd.services.runtime import Runtime

_CHANGEABLE = frozenset(item.name for item in fields(CustomerDetails))


def insert_customer(tx: Tx, by: Principal, new: NewCustomer, now: datetime) -> Customer:
    """Store a checked customer under its own or the merchant's next number; raises CustomerNumberTaken."""
    if new.number is None:
        number = merchants.next_customer_number(tx, by.merchant_id)
    else:
        number = new.number
        merchants.lock(tx, by.merchant_id)
        if customers.number_is_taken(tx, by.merchant_id, number):
            raise CustomerNumberTaken(f"Customer number {number} is taken.", number=number)
        merchants.raise_customer_number(tx, by.merchant_id, number)
    customer = Customer(
        id=new_id("cus", now),
        merchant_id=by.merchant_id,
        number=number,
        details=new.details,
        crm_active=True,
        loyalty_status=LoyaltyStatus.ACTIVE,
        redeem_blocked=False,
        created_at=now,
    )
    customers.insert(tx, [customer])
    record(tx, by, now, CustomerCreated(customer.id))
    note_duplicates(tx, customer, now)
    return customer


def check_goes_on(customer: Customer) -> None:
    """Raise CardMerged where the customer was merged into another one, CustomerIsErased where it is no more."""
    if customer.erased_at is not None:
        raise CustomerIsErased
    if customer.merged_into is not None:
        raise CardMerged(
            f"This customer was merged into the customer {customer.merged_into}.", customer_id=customer.merged_into
        )


class Customers:
    """Use cases about customers."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def create(self, by: Principal, new: NewCustomer) -> Customer:
        """Create a customer; raises ValidationFailed, CustomerNumberTaken."""
        checked, now = check_new_customer(new), self._runtime.clock()
        return await self._runtime.database.write(insert_customer, by, checked, now)

    async def get(self, by: Principal, customer_id: str) -> Customer:
        """Return a customer; raises NotFound."""
        found = await self._runtime.database.read(customers.find, by.merchant_id, customer_id)
        if found is None:
            raise NotFound(f"There is no customer {customer_id}.")
        return found

    async def update(self, by: Principal, customer_id: str, changes: Mapping[str, object]) -> Customer:
        """Change details; the number never changes. Raises NotFound, ValidationFailed, CardMerged."""
        for name in changes:
            if name not in _CHANGEABLE:
                raise invalid(f"/{name}", "cannot be changed")
        now = self._runtime.clock()

        def write(tx: Tx) -> Customer | None:
            present = customers.find(tx, by.merchant_id, customer_id, lock=True)
            if present is None:
                return None
            check_goes_on(present)
            known = {name: getattr(present.details, name) for name in _CHANGEABLE} | dict(changes)
            changed = replace(present, details=check_details(CustomerDetails(**known)))
            customers.change(tx, [changed])
            if match_keys(changed.details) != match_keys(present.details):
                note_duplicates(tx, changed, now)
            record(tx, by, now, CustomerChanged(customer_id, sorted(changes)))
            return changed

        changed = await self._runtime.database.write(write)
        if changed is None:
            raise NotFound(f"There is no customer {customer_id}.")
        return changed

    async def set_flag(self, by: Principal, customer_id: str, flag: str, value: bool | LoyaltyStatus) -> Customer:  # noqa: FBT001
        """Set `crm_active`, `loyalty_status` or `redeem_blocked`, which are independent (D-16).

        Raises NotFound, CardMerged.
        """
        now = self._runtime.clock()

        def write(tx: Tx) -> Customer | None:
            present = customers.find(tx, by.merchant_id, customer_id, lock=True)
            if present is None or getattr(present, flag) == value:
                return present
            check_goes_on(present)
            changed = replace(present, **{flag: value})  # type: ignore[arg-type]
            customers.change(tx, [changed])
            record(tx, by, now, CustomerFlagged(customer_id, {flag: value}))
            return changed

        changed = await self._runtime.database.write(write)
        if changed is None:
            raise NotFound(f"There is no customer {customer_id}.")
        return changed
