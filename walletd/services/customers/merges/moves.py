"""What a merge moves: value between accounts, cards and keys to the customer that goes on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from walletd.db.cards import moves as card_moves
from walletd.db.customers import customers
from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts
from walletd.domain.cards.cards import Card
from walletd.domain.cards.programs import tiers_of
from walletd.domain.customers.merges import (
    CardMove,
    JoinedAccounts,
    Journal,
    KeyMove,
    MovedLot,
    all_origins,
    better_tier,
    newer_consent,
    stricter,
)
from walletd.domain.identifiers import KeyState, new_id
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import Transaction
from walletd.domain.ledger.transfers import give_away, take_over
from walletd.domain.merchants.principals import Principal
from walletd.services.customers.merges.inputs import MergeInput, Pair, Side

_SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Join:
    """Two accounts of a program that became one."""

    pair: Pair
    taking: Side
    joined: JoinedAccounts
    moved: tuple[MovedLot, ...]


def join_accounts(by: Principal, merge_input: MergeInput) -> list[Join]:
    """Move what the absorbed customer's accounts hold, in memory; raises RedemptionOpen, BalanceLimit."""
    joins, reason = list[Join](), merge_input.plan.reason
    for pair in merge_input.pairs:
        if pair.taking is None:
            continue
        giving, taking = pair.giving.book, pair.taking.book
        transfer = give_away(giving, transaction_of(by, "merge", giving, taking, reason))
        tiers = [tier.name for tier in tiers_of(pair.taking.program)]
        joined, moved = take_over(
            taking,
            transaction_of(by, "merge", taking, giving, reason),
            transfer,
            pair.taking.program.id,
            better_tier(tiers, taking.state.tier, transfer.tier),
        )
        joins.append(Join(pair, pair.taking, joined, moved))
    return joins


def transaction_of(by: Principal, kind: str, book: AccountBook, other: AccountBook, reason: str | None) -> Transaction:
    """Return the transaction of a merge, or of its undoing, on one account; its reference names the other one.

    The proof of the books holds a merged account to where its last such transaction says that it leads.
    """
    return Transaction(
        id=new_id("txn", book.now),
        merchant_id=by.merchant_id,
        account_id=book.state.id,
        serial_number=None,
        type=kind,
        actor=by.id,
        created_at=book.now,
        reference=other.state.id,
        reason=reason,
        note_salt=secrets.token_hex(_SALT_BYTES),
    )


def move(tx: Tx, merge_input: MergeInput, joins: Sequence[Join]) -> Journal:
    """Let cards, keys, accounts and customers lead to those that go on; return how they were before."""
    survivor, absorbed = merge_input.survivor, merge_input.absorbed
    cards, keys = _move_cards(tx, merge_input)
    joined = tuple(
        replace(item.joined, forwarded=accounts.set_merged(tx, item.joined.from_account, item.joined.into_account))
        for item in joins
    )
    owned = tuple(pair.giving.book.state.id for pair in merge_input.pairs if pair.taking is None)
    if owned:
        accounts.set_owner(tx, owned, survivor.id)
        card_moves.give_cards_of(tx, owned, survivor.id)
    flags = replace(
        survivor,
        redeem_blocked=survivor.redeem_blocked or absorbed.redeem_blocked,
        loyalty_status=stricter([survivor.loyalty_status, absorbed.loyalty_status]),
        opt_in=newer_consent(survivor.opt_in, absorbed.opt_in),
        details=replace(survivor.details, origins=all_origins(survivor.details.origins, absorbed.details.origins)),
    )
    customers.change(tx, [flags])
    return Journal(
        joined=joined,
        owned=owned,
        cards=cards,
        keys=keys,
        customers=customers.set_merged(tx, absorbed.id, survivor.id),
        redeem_blocked=survivor.redeem_blocked,
        loyalty_status=survivor.loyalty_status,
        origins=survivor.details.origins,
        opt_in=survivor.opt_in,
    )


def cards_after(merge_input: MergeInput) -> list[tuple[Card, CardMove]]:
    """Return the cards that change where accounts are joined, each with how it is afterwards.

    The main cards of both accounts become one: the survivor's goes on, with the key of the number survivor, and the
    other one shows the same. Other cards keep their keys and go over to the surviving account.
    """
    after: dict[str, tuple[Card, CardMove]] = {}
    for pair in merge_input.pairs:
        main = None if pair.taking is None else pair.taking.main_card
        if pair.taking is None or main is None:
            continue
        key, other = _key_after(merge_input, pair.taking, main), pair.giving.main_card
        account_id, customer_id = pair.taking.book.state.id, merge_input.survivor.id
        after[main.serial_number] = (main, _placed(main, account_id, customer_id, key, None))
        for card in pair.taking.cards:
            if card.merged_into == main.serial_number:
                after[card.serial_number] = (card, _placed(card, account_id, customer_id, key, main.serial_number))
        for card in pair.giving.cards:
            merges = card.merged_into is not None or (other is not None and card.serial_number == other.serial_number)
            placed = (key, main.serial_number) if merges else (card.key, None)
            after[card.serial_number] = (card, _placed(card, account_id, customer_id, *placed))
    return list(after.values())


def _key_after(merge_input: MergeInput, taking: Side, main: Card) -> str:
    """Return the key of the number survivor; where several of its cards are joined, that of the first."""
    if merge_input.plan.number_survivor == merge_input.survivor.id:
        return main.key
    given = (pair.giving.main_card for pair in merge_input.pairs if pair.taking is taking)
    return next((card.key for card in given if card is not None), main.key)


def _placed(card: Card, account_id: str, customer_id: str, key: str, merged_into: str | None) -> CardMove:
    return CardMove(card.serial_number, account_id, customer_id, key, key, merged_into)


def _move_cards(tx: Tx, merge_input: MergeInput) -> tuple[tuple[CardMove, ...], tuple[KeyMove, ...]]:
    """Store `cards_after`, and let all keys of cards that became one lead to the one that goes on."""
    after = cards_after(merge_input)
    leads_to = {placed.serial_number: placed.merged_into or placed.serial_number for _, placed in after}
    living = {placed.key for _, placed in after}
    before = [
        item
        for item in card_moves.keys_of(tx, merge_input.survivor.merchant_id, leads_to)
        if item.state != KeyState.RETIRED
    ]
    card_moves.place_cards(tx, [placed for _, placed in after])
    moved = [
        KeyMove(item.key, leads_to[item.serial_number], KeyState.ACTIVE if item.key in living else KeyState.REDIRECTED)
        for item in before
    ]
    card_moves.place_keys(tx, merge_input.survivor.merchant_id, moved)
    moves = (
        CardMove(card.serial_number, card.account_id, card.customer_id, card.key, placed.key, card.merged_into)
        for card, placed in after
    )
    return tuple(moves), tuple(before)
