"""Loading a batch: all that its commands need, in a few set-based queries, accounts locked in order of their ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import chain
from zoneinfo import ZoneInfo

from walletd.db.cards import cards, programs, rotating_codes
from walletd.db.customers import merges
from walletd.db.engine.base import RetryTransaction, Tx
from walletd.db.ledger import accounts, lots, redemptions
from walletd.db.ledger import entries as ledger
from walletd.db.ledger.entries import Reversed
from walletd.domain.cards.cards import BookableCard
from walletd.domain.cards.programs import Program
from walletd.domain.cards.rotating_codes import RotatingCode, RotatingCodeRefused, RotatingCodeUsed, read_code
from walletd.domain.errors import CardKeyReplaced, NotFound, WalletdError
from walletd.domain.identifiers import new_id
from walletd.domain.ledger.balances import EXPIRING_SOON, AccountState
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.entries import ACTIVE, Entry, Transaction
from walletd.domain.ledger.lots import Consumption, Lot
from walletd.domain.ledger.postings import Horizon, settle
from walletd.domain.ledger.redemptions import Redemption
from walletd.services.ledger.bookings.commands import Book, Capture, Command, Release, Reserve, Reverse, Settle
from walletd.services.runtime import Vault

TIME = "walletd"
"""The actor of what time alone does."""


@dataclass(frozen=True, slots=True)
class Original:
    """A transaction that is to be reversed, with its entry and what was taken back before."""

    transaction: Transaction
    entry: Entry | None
    consumptions: tuple[Consumption, ...]
    """What the entry took of which lot, less what earlier reversals gave back."""
    reversed: Reversed

    def after(self, part: Reversed, given_back: Sequence[Consumption]) -> Original:
        """Return the same after one more reversal, so that the next one in the batch sees it."""
        left = {taken.lot_id: taken.amount for taken in self.consumptions}
        for item in given_back:
            if item.lot_id in left:
                left[item.lot_id] += item.amount
        return replace(
            self,
            consumptions=tuple(Consumption(lot_id, amount) for lot_id, amount in left.items() if amount),
            reversed=self.reversed.plus(part),
        )


@dataclass(slots=True)
class Desk:
    """What lies on the desk while a batch is decided."""

    now: datetime
    books: dict[str, AccountBook] = field(default_factory=dict)
    programs: dict[str, tuple[Program, ZoneInfo]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    """Merchants whose own programs are told of events."""
    cards: dict[tuple[str, str], tuple[BookableCard, str]] = field(default_factory=dict)
    originals: dict[str, Original] = field(default_factory=dict)
    redemptions: dict[tuple[str, str], str] = field(default_factory=dict)
    """Merchant and code → account."""
    destinations: dict[str, str] = field(default_factory=dict)
    """Merged account → the one that goes on for it."""
    moved_lots: dict[str, str] = field(default_factory=dict)
    """Lot that a merge moved → where it is now."""
    codes: dict[tuple[str, str], RotatingCode] = field(default_factory=dict)
    """Rotating codes that tills read, proved genuine: merchant and text → code."""
    refused: dict[tuple[str, str], WalletdError] = field(default_factory=dict)
    """Rotating codes that are not genuine, or of another time."""
    used: set[tuple[str, int]] = field(default_factory=set)
    """Serial number and period of codes that booked something before."""
    spent: dict[tuple[str, str, int], None] = field(default_factory=dict)
    """Merchant, serial number and period of codes that book something now."""

    def card(self, merchant_id: str, name: str) -> BookableCard:
        """Return the card a till names by serial number or key; raises NotFound, CardKeyReplaced."""
        found = self.cards.get((merchant_id, name))
        if (merchant_id, name) in self.refused:
            raise self.refused[merchant_id, name]
        if found is None:
            raise NotFound("There is no card with this serial number or key.")
        if found[1] == "retired":
            raise CardKeyReplaced
        return found[0]

    def unspent(self, merchant_id: str, name: str, serial_number: str) -> tuple[str, str, int] | None:
        """Return the rotating code by which a till named a card, None for another name; raises RotatingCodeUsed."""
        code = self.codes.get((merchant_id, name))
        if code is None:
            return None
        if (serial_number, code.counter) in self.used:
            raise RotatingCodeUsed(serial_number=serial_number)
        return merchant_id, serial_number, code.counter

    def spend(self, code: tuple[str, str, int] | None) -> None:
        """Use up a rotating code: it has booked something."""
        if code is not None:
            self.used.add(code[1:])
            self.spent[code] = None

    def redemption(self, merchant_id: str, code: str) -> tuple[AccountBook, Redemption]:
        """Return a redemption with the book of its account; raises NotFound."""
        account_id = self.redemptions.get((merchant_id, code))
        if account_id is None:
            raise NotFound("There is no redemption with this code.")
        book = self.books[account_id]
        return book, book.redemptions[code]

    def book_of(self, account_id: str) -> AccountBook:
        """Return the book in which an account is booked on: its own, or that of the account it was merged into."""
        return self.books[self.destinations.get(account_id, account_id)]

    def original(self, merchant_id: str, transaction_id: str) -> Original:
        """Return the transaction to reverse; raises NotFound."""
        found = self.originals.get(transaction_id)
        if found is None or found.transaction.merchant_id != merchant_id:
            raise NotFound(f"There is no transaction {transaction_id}.")
        return found

    def program_of(self, book: AccountBook) -> tuple[Program, ZoneInfo]:
        """Return the program of an account and the time zone of its merchant."""
        return self.programs[book.state.program_id]


def load(tx: Tx, commands: Sequence[Command], now: datetime, vault: Vault) -> Desk:
    """Return a desk with all that the commands need; the accounts stay locked until commit."""
    desk = Desk(now)
    works = [command.work for command in commands]
    names, codes = _named(commands)
    reversing = {work.transaction_id for work in works if isinstance(work, Reverse)}
    if codes:
        named = redemptions.by_code(tx, codes)
        desk.redemptions = {place: redemption.account_id for place, redemption in named.items()}
        names |= {(redemption.merchant_id, redemption.serial_number) for redemption in named.values()}
    if names:
        desk.cards = cards.bookable(tx, names)
        if len(desk.cards) < len(names):
            _read_codes(tx, desk, names - desk.cards.keys(), vault)
    reversed_transactions = ledger.by_id(tx, reversing) if reversing else {}
    wanted = {card.account_id for card, _ in desk.cards.values()}
    wanted |= set(desk.redemptions.values()) | {item.account_id for item in reversed_transactions.values()}
    wanted |= {work.account_id for work in works if isinstance(work, Settle)}
    if reversed_transactions:
        desk.destinations = accounts.destinations(tx, wanted)
        wanted |= set(desk.destinations.values())
    states = accounts.by_id(tx, wanted, lock=True) if wanted else {}
    _check_not_overtaken(desk, states, (item.account_id for item in reversed_transactions.values()))
    if desk.codes:
        desk.used = rotating_codes.used(tx, {desk.cards[place][0].serial_number for place in desk.codes})
    desk.books = open_books(tx, states.values(), now)
    _lay_out_programs(tx, desk, states.values())
    if codes:
        _lay_out_redemptions(tx, desk, codes)
    if reversing:
        _lay_out_originals(tx, desk, reversed_transactions)
    return desk


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


def _read_codes(tx: Tx, desk: Desk, unknown: Iterable[tuple[str, str]], vault: Vault) -> None:
    """Look whether what is no card's name is a rotating code of one, and whether it is genuine."""
    read = {(merchant, name): code for merchant, name in unknown if (code := read_code(name)) is not None}
    found = cards.bookable(tx, {(merchant, code.key) for (merchant, _), code in read.items()}) if read else {}
    for (merchant, name), code in read.items():
        card = found.get((merchant, code.key))
        if card is None:
            continue
        desk.cards[merchant, name] = card
        try:
            code.check(vault.rotating_secret(merchant, card[0].serial_number), desk.now)
        except RotatingCodeRefused as error:
            desk.refused[merchant, name] = error
        else:
            desk.codes[merchant, name] = code


def _check_not_overtaken(desk: Desk, states: Mapping[str, AccountState], reversed_accounts: Iterable[str]) -> None:
    """Look again where a merge was faster than the lock, as cards and accounts lead elsewhere since."""
    for name in {card.account_id for card, _ in desk.cards.values()}.union(reversed_accounts):
        if states[name].merged_into != desk.destinations.get(name):
            raise RetryTransaction


def open_books(
    tx: Tx, states: Collection[AccountState], now: datetime, *, with_next_end: bool = False
) -> dict[str, AccountBook]:
    """Return a book for each account, settled to now in memory; it shows the exact balances whether stored or not.

    `with_next_end` reads what ends next also where that is more than 30 days away.
    """
    soon = now + EXPIRING_SOON
    ending = [state.id for state in states if state.next_expiry is not None and state.next_expiry <= soon]
    locked = [state.id for state in states if state.last_unlock is not None and state.last_unlock > now]
    near: dict[str, list[Lot]] = {}
    later = [state.id for state in states if with_next_end and state.next_expiry is not None]
    found = {lot.id: lot for lot in chain(lots.ending_soon(tx, ending, now), lots.locked(tx, locked, now))}
    found |= {lot.id: lot for lot in lots.ending_next(tx, later, now)}
    for lot in found.values():
        near.setdefault(lot.account_id, []).append(lot)
    books = {
        state.id: AccountBook(
            state, near.get(state.id, ()), now, partial(new_id, "ent", now), lots.in_consumption_order(tx, state.id)
        )
        for state in states
    }
    _settle(tx, books, [book for book in books.values() if book.is_due])
    return books


def _lay_out_programs(tx: Tx, desk: Desk, states: Collection[AccountState]) -> None:
    found = programs.for_booking(tx, {state.program_id for state in states}) if states else {}
    for program_id, (program, zone, is_told) in found.items():
        desk.programs[program_id] = (program, ZoneInfo(zone))
        if is_told:
            desk.told.add(program.merchant_id)


def _settle(tx: Tx, books: Mapping[str, AccountBook], due: Sequence[AccountBook]) -> None:
    if not due:
        return
    ids, now = [book.state.id for book in due], due[0].now
    for redemption in redemptions.stale(tx, ids, now):
        books[redemption.account_id].redemptions[redemption.code] = redemption
    held = (part.lot_id for book in due for item in book.redemptions.values() for part in item.allocations)
    lay_out_lots(tx, books, held)
    ends, unlocks = lots.next_ends(tx, ids, now), lots.next_unlocks(tx, ids, now)
    hold_ends = redemptions.next_ends(tx, ids, now)
    for book in due:
        name = book.state.id
        horizon = Horizon(ends.get(name), unlocks.get(name), hold_ends.get(name))
        settle(book, partial(time_transaction, book.state, now), horizon)


def time_transaction(account: AccountState, now: datetime) -> Transaction:
    """Return a transaction of what time did to an account."""
    return Transaction(new_id("txn", now), account.merchant_id, account.id, None, "expiry", TIME, now)


def _lay_out_redemptions(tx: Tx, desk: Desk, codes: Collection[tuple[str, str]]) -> None:
    """Read the redemptions again now that nobody else can change them; those settled meanwhile lie in their book."""
    held = set[str]()
    for redemption in redemptions.by_code(tx, codes).values():
        desk.books[redemption.account_id].redemptions.setdefault(redemption.code, redemption)
        held |= {part.lot_id for part in redemption.allocations}
    lay_out_lots(tx, desk.books, held)


def _lay_out_originals(tx: Tx, desk: Desk, transactions: Mapping[str, Transaction]) -> None:
    entries = ledger.entries_of_transactions(tx, transactions)
    before = ledger.reversed_of(tx, transactions)
    wanted = set[str]()
    for transaction in transactions.values():
        entry = next((entry for entry in entries.get(transaction.id, []) if entry.status == ACTIVE), None)
        taken = lots.net_consumptions(tx, entry) if entry is not None else ()
        wanted |= {part.lot_id for part in taken} | ({entry.id} if entry is not None else set())
        desk.originals[transaction.id] = Original(transaction, entry, taken, before.get(transaction.id, Reversed()))
    if desk.destinations:
        desk.moved_lots = merges.destinations(tx, wanted)
    lay_out_lots(tx, desk.books, wanted.union(desk.moved_lots.values()))


def lay_out_lots(tx: Tx, books: Mapping[str, AccountBook], lot_ids: Iterable[str]) -> None:
    """Put lots, open or not, into the books of their accounts.

    Lots of an account without a book are left out: a moved lot that was spent before it could move on stayed there.
    """
    for lot in lots.by_id(tx, sorted(set(lot_ids))):
        if lot.account_id in books:
            books[lot.account_id].lots.setdefault(lot.id, lot)
