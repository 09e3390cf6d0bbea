"""Erasing a person: the books stay, nothing names the person any more (D-14, D-15)."""

from __future__ import annotations

from datetime import datetime

from walletd.db.cards import cards
from walletd.db.customers import customers, duplicates, merge_requests
from walletd.db.engine.base import Tx
from walletd.db.exchange import imports
from walletd.db.promotions import orders
from walletd.db.views import erasures
from walletd.domain.cards.cards import CardStatus
from walletd.domain.cards.changes import CardDeleted
from walletd.domain.customers import changes
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.erasures import CardIsInstalled, CustomerIsErased, Erasure
from walletd.domain.errors import NotFound
from walletd.domain.merchants.principals import Principal
from walletd.services.changes.recorder import record, record_all
from walletd.services.customers.customers import check_goes_on
from walletd.services.runtime import Runtime


class Erasures:
    """Use cases that end a customer for good."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def erase(self, by: Principal, customer_id: str) -> Erasure:
        """Erase a person: cards are deleted, names go, the books and the number stay.

        What had been merged into the customer is erased with it. Raises NotFound, CardMerged, CardIsInstalled,
        CustomerIsErased.
        """
        now = self._runtime.clock()
        return await self._runtime.database.write(self._erase, by, customer_id, now)

    def _erase(self, tx: Tx, by: Principal, customer_id: str, now: datetime) -> Erasure:
        customer_ids = self._locked(tx, by, customer_id)
        held = erasures.cards_of(tx, customer_ids)
        installed = [serial_number for serial_number, status in held if status == CardStatus.INSTALLED]
        if installed:
            raise CardIsInstalled(
                f"On a phone: {', '.join(installed)}. Delete these cards first; their holder sees them as void.",
                cards=installed,
            )
        serial_numbers = [serial_number for serial_number, _ in held]
        ending = [serial_number for serial_number, status in held if status != CardStatus.DELETED]
        ended = cards.of_serials(tx, ending).values() if ending else ()
        record_all(tx, now, [(by, CardDeleted(found.card, "the customer was erased")) for found in ended])
        erasures.delete_cards(tx, serial_numbers)
        erasures.clear_customers(tx, customer_ids, now)
        imports.forget_customers(tx, customer_ids)
        duplicates.forget_customers(tx, customer_ids)
        merge_requests.forget_customers(tx, customer_ids)
        orders.forget_addresses(tx, customer_ids)
        merge_ids = erasures.clear_merges(tx, by.merchant_id, customer_ids)
        messages = erasures.messages_to(tx, by.merchant_id, serial_numbers)
        erasures.forget_answers(tx, by.merchant_id, [by.id], [*serial_numbers, *merge_ids, *messages])
        erasures.drop_jobs(tx, by.merchant_id, customer_ids, serial_numbers)
        record(tx, by, now, changes.CustomerErased(customer_id, customer_ids, serial_numbers))
        return Erasure(customer_id, tuple(customer_ids), tuple(serial_numbers), now)

    def _locked(self, tx: Tx, by: Principal, customer_id: str) -> list[str]:
        """Return the customer and those that led to it, kept as they are until commit, in the order of merges."""
        customer_ids = sorted({customer_id, *customers.ids_merged_into(tx, by.merchant_id, customer_id)})
        found: dict[str, Customer] = {}
        for each_id in customer_ids:
            customer = customers.find(tx, by.merchant_id, each_id, lock=True)
            if customer is not None:
                found[each_id] = customer
        if customer_id not in found:
            raise NotFound(f"There is no customer {customer_id}.")
        if found[customer_id].erased_at is not None:
            raise CustomerIsErased
        check_goes_on(found[customer_id])
        return customer_ids
