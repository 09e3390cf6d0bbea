"""Loading a batch: all that its commands need, in a few set-based queries, accounts locked in order of their ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from walletd.db.cards import cards, programs, rotating_codes
from walletd.db.customers import merges
from walletd.db.engine.base import RetryTransaction, Tx
from walletd.db.ledger import accounts, lots, redemptions
from walletd.db.ledger import entries as ledger
from walletd.domain.cards.rotating_codes import RotatingCodeRefused, read_code
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.bookings.batches import BatchContext
from walletd.domain.ledger.bookings.commands import Advance, Book, Capture, Release, Reserve, Reverse
from walletd.domain.ledger.bookings.reversals import Original, Reversed
from walletd.domain.ledger.entries import EntryStatus, Transaction
from walletd.services.ledger.balances import load_lots, open_books
from walletd.services.ledger.bookings.commands import Command
from walletd.services.runtime import Vault


def load(tx: Tx, commands: Sequence[Command], now: datetime, vault: Vault) -> BatchContext:
    """Return all that the commands are decided on; the accounts stay locked until commit."""
    context = BatchContext(now)
    works = [command.work for command in commands]
    names, codes = _named(commands)
    reversing = {work.transaction_id for work in works if isinstance(work, Reverse)}
    if codes:
        named = redemptions.by_code(tx, codes)
        context.redemptions = {place: redemption.account_id for place, redemption in named.items()}
        names |= {(redemption.merchant_id, redemption.serial_number) for redemption in named.values()}
    if names:
        context.cards = cards.bookable(tx, names)
        if len(context.cards) < len(names):
            _read_codes(tx, context, names - context.cards.keys(), vault)
    reversed_transactions = ledger.by_id(tx, reversing) if reversing else {}
    wanted = {card.account_id for card, _ in context.cards.values()}
    wanted |= set(context.redemptions.values()) | {item.account_id for item in reversed_transactions.values()}
    wanted |= {work.account_id for work in works if isinstance(work, Advance)}
    if reversed_transactions:
        context.destinations = accounts.destinations(tx, wanted)
        wanted |= set(context.destinations.values())
    states = accounts.by_id(tx, wanted, lock=True) if wanted else {}
    _check_not_overtaken(context, states, (item.account_id for item in reversed_transactions.values()))
    if context.codes:
        context.used = rotating_codes.used(tx, {context.cards[place][0].serial_number for place in context.codes})
    context.books = open_books(tx, states.values(), now)
    _load_programs(tx, context, states.values())
    if codes:
        _load_redemptions(tx, context, codes)
    if reversing:
        _load_originals(tx, context, reversed_transactions)
    return context


def _named(commands: Sequence[Command]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return which cards and which redemptions commands name, each with the merchant."""
    names, codes = set[tuple[str, str]](), set[tuple[str, str]]()
    for command in commands:
        match command.work:
            case Book(booking):
                names.add((command.by.merchant_id, booking.card))
            case Reserve(card):
                names.add((command.by.merchant_id, card))
            case Capture(code) | Release(code):
                codes.add((command.by.merchant_id, code))
    return names, codes


def _read_codes(tx: Tx, context: BatchContext, unknown: Iterable[tuple[str, str]], vault: Vault) -> None:
    """Look whether what is no card's name is a rotating code of one, and whether it is genuine."""
    read = {(merchant, name): code for merchant, name in unknown if (code := read_code(name)) is not None}
    found = cards.bookable(tx, {(merchant, code.key) for (merchant, _), code in read.items()}) if read else {}
    for (merchant, name), code in read.items():
        card = found.get((merchant, code.key))
        if card is None:
            continue
        context.cards[merchant, name] = card
        try:
            code.check(vault.rotating_secret(merchant, card[0].serial_number), context.now)
        except RotatingCodeRefused as error:
            context.refused[merchant, name] = error
        else:
            context.codes[merchant, name] = code


def _check_not_overtaken(
    context: BatchContext, states: Mapping[str, AccountState], reversed_accounts: Iterable[str]
) -> None:
    """Look again where a merge was faster than the lock, as cards and accounts lead elsewhere since."""
    for name in {card.account_id for card, _ in context.cards.values()}.union(reversed_accounts):
        if states[name].merged_into != context.destinations.get(name):
            raise RetryTransaction


def _load_programs(tx: Tx, context: BatchContext, states: Collection[AccountState]) -> None:
    found = programs.for_booking(tx, {state.program_id for state in states}) if states else {}
    for program_id, (program, zone, is_notified) in found.items():
        context.programs[program_id] = (program, ZoneInfo(zone))
        if is_notified:
            context.notified.add(program.merchant_id)


def _load_redemptions(tx: Tx, context: BatchContext, codes: Collection[tuple[str, str]]) -> None:
    """Read the redemptions again now that nobody else can change them; those settled meanwhile lie in their book."""
    held = set[str]()
    for redemption in redemptions.by_code(tx, codes).values():
        context.books[redemption.account_id].redemptions.setdefault(redemption.code, redemption)
        held |= {part.lot_id for part in redemption.allocations}
    load_lots(tx, context.books, held)


def _load_originals(tx: Tx, context: BatchContext, transactions: Mapping[str, Transaction]) -> None:
    entries = ledger.entries_of_transactions(tx, transactions)
    before = ledger.reversed_of(tx, transactions)
    wanted = set[str]()
    for transaction in transactions.values():
        entry = next((entry for entry in entries.get(transaction.id, []) if entry.status == EntryStatus.ACTIVE), None)
        taken = lots.net_consumptions(tx, entry) if entry is not None else ()
        wanted |= {part.lot_id for part in taken} | ({entry.id} if entry is not None else set())
        context.originals[transaction.id] = Original(transaction, entry, taken, before.get(transaction.id, Reversed()))
    if context.destinations:
        context.moved_lots = merges.destinations(tx, wanted)
    load_lots(tx, context.books, wanted.union(context.moved_lots.values()))
