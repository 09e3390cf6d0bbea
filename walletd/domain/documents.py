"""Answers as plain JSON values: what the API says of cards, accounts and transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from walletd.domain.balances import AccountState, balances
from walletd.domain.calendar import rfc3339
from walletd.domain.cards import CardView
from walletd.domain.ledger import Booking, Entry


def card_document(view: CardView) -> dict[str, object]:
    """Return a card as `POST /cards` and `GET /cards/{serial}` answer it."""
    card, customer = view.card, view.customer
    return {
        "serial_number": card.serial_number,
        "key": card.key,
        "status": card.status,
        "program_id": card.program_id,
        "kind": view.program.kind,
        "customer_id": card.customer_id,
        "account_id": card.account_id,
        "holder_name": card.holder_name or customer.name,
        "balance": balances(view.account),
        "customer": {
            "number": customer.number,
            "name": customer.name,
            "loyalty_status": customer.loyalty_status,
            "redeem_blocked": customer.redeem_blocked,
        },
        "add_url": view.add_url,
        "add_qr_svg_url": view.add_qr_svg_url,
        "created_at": rfc3339(card.created_at),
    }


def entry_document(entry: Entry) -> dict[str, object]:
    """Return one ledger entry."""
    document: dict[str, object] = {
        "entry_id": entry.id,
        "transaction_id": entry.transaction_id,
        "account_id": entry.account_id,
        "kind": entry.kind,
        "amount": entry.amount,
        "unit": entry.unit,
    }
    if entry.currency is not None:
        document["currency"] = entry.currency
    return document | {
        "sequence": entry.sequence,
        "balance_after": entry.balance_after,
        "created_at": rfc3339(entry.created_at),
    }


def account_document(account: AccountState) -> dict[str, object]:
    """Return an account with its balances."""
    return {
        "account_id": account.id,
        "program_id": account.program_id,
        "customer_id": account.customer_id,
        **balances(account),
    }


def transaction_document(
    transaction_id: str,
    serial_number: str,
    booking: Booking,
    entries: Sequence[Entry],
    account: AccountState,
    created_at: datetime,
) -> dict[str, object]:
    """Return a transaction with its entries and the account after them."""
    return {
        "transaction_id": transaction_id,
        "type": booking.type,
        "card": serial_number,
        "purchase_total": booking.purchase_total,
        "reference": booking.reference,
        "reason": booking.reason,
        "entries": [entry_document(entry) for entry in entries],
        "account": account_document(account),
        "created_at": rfc3339(created_at),
    }
