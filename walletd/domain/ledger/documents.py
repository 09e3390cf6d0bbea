"""Answers as plain JSON values: what the API says of cards, accounts, transactions and redemptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from walletd.domain.calendar import rfc3339
from walletd.domain.ledger.balances import AccountState, Balances
from walletd.domain.ledger.card_views import CardView
from walletd.domain.ledger.entries import Entry, Transaction
from walletd.domain.ledger.redemptions import Redemption


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
        "merged_into": card.merged_into,
        "holder_name": card.holder_name or customer.name,
        "balance": balances_document(view.account, view.balances),
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


def balances_document(account: AccountState, figures: Balances) -> dict[str, object]:
    """Return the balances of an account under their API names."""
    document: dict[str, object] = {
        "collected": figures.collected,
        "expired": figures.expired,
        "expiring_30_days": figures.expiring_30_days,
        "total": figures.total,
        "locked": figures.locked,
        "redeemable": figures.redeemable,
        "reserved": figures.reserved,
        "debt": figures.debt,
        "unit": account.unit,
    }
    if account.currency is not None:
        document["currency"] = account.currency
    return document


def account_document(account: AccountState, figures: Balances) -> dict[str, object]:
    """Return an account with its balances."""
    return {
        "account_id": account.id,
        "program_id": account.program_id,
        "customer_id": account.customer_id,
        "merged_into": account.merged_into,
        **balances_document(account, figures),
        "turnover": account.turnover,
        "tier": account.tier,
        "member_until": _moment(account.member_until),
    }


def entry_document(entry: Entry, transaction: Transaction) -> dict[str, object]:
    """Return one ledger entry with what its transaction says of it."""
    document: dict[str, object] = {
        "entry_id": entry.id,
        "transaction_id": entry.transaction_id,
        "account_id": entry.account_id,
        "kind": entry.kind,
        "status": entry.status,
        "amount": entry.amount,
        "unit": entry.unit,
    }
    if entry.currency is not None:
        document["currency"] = entry.currency
    return document | {
        "sequence": entry.sequence,
        "balance_after": entry.balance_after,
        "debt_after": entry.debt_after,
        "locked_until": _moment(entry.locked_until),
        "valid_until": _moment(entry.valid_until),
        "corrects": entry.corrects,
        "campaign": transaction.campaign,
        "reference": transaction.reference,
        "created_at": rfc3339(entry.created_at),
    }


def transaction_document(
    transaction: Transaction, entries: Sequence[Entry], account: AccountState, figures: Balances
) -> dict[str, object]:
    """Return a transaction with its entries and the account after them."""
    return {
        "transaction_id": transaction.id,
        "type": transaction.type,
        "card": transaction.serial_number,
        "purchase_total": transaction.purchase_total,
        "corrects": transaction.corrects,
        "reference": transaction.reference,
        "reason": transaction.reason,
        "campaign": transaction.campaign,
        "entries": [entry_document(entry, transaction) for entry in entries],
        "account": account_document(account, figures),
        "created_at": rfc3339(transaction.created_at),
    }


def redemption_document(
    redemption: Redemption, account: AccountState, figures: Balances, entries: Sequence[tuple[Entry, Transaction]] = ()
) -> dict[str, object]:
    """Return a redemption with the account as it is now."""
    document: dict[str, object] = {
        "code": redemption.code,
        "state": redemption.state,
        "card": redemption.serial_number,
        "amount": redemption.amount,
        "captured": redemption.captured,
        "unit": account.unit,
    }
    if account.currency is not None:
        document["currency"] = account.currency
    return document | {
        "reference": redemption.reference,
        "created_at": rfc3339(redemption.created_at),
        "expires_at": rfc3339(redemption.expires_at),
        "closed_at": _moment(redemption.closed_at),
        "transaction_id": redemption.transaction_id,
        "entries": [entry_document(entry, transaction) for entry, transaction in entries],
        "account": account_document(account, figures),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
