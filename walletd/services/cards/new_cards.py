"""What a new account and a new card are, however they come to be: one by one, or from a file."""

from __future__ import annotations

from datetime import datetime

from walletd.domain.cards.cards import Card, CardStatus
from walletd.domain.cards.programs import Program
from walletd.domain.customers.customers import Customer
from walletd.domain.identifiers import new_card_key, new_id, new_serial_number
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.entries import GENESIS_HASH


def new_account(program: Program, customer: Customer, now: datetime) -> AccountState:
    """Return the empty account of a customer in a program."""
    return AccountState(
        id=new_id("acc", now),
        merchant_id=program.merchant_id,
        program_id=program.id,
        customer_id=customer.id,
        unit=program.unit,
        currency=program.currency,
        head_hash=GENESIS_HASH,
    )


def new_card(account: AccountState, key: str | None, holder_name: str | None, now: datetime) -> Card:
    """Return a card that shows an account; without a key it gets one that nobody guesses."""
    return Card(
        serial_number=new_serial_number(),
        merchant_id=account.merchant_id,
        program_id=account.program_id,
        customer_id=account.customer_id,
        account_id=account.id,
        key=key or new_card_key(),
        holder_name=holder_name,
        status=CardStatus.ISSUED,
        token_version=1,
        created_at=now,
    )
