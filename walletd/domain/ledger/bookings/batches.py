"""The context of a batch: what its commands look at, read once before the first of them is decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from walletd.domain.cards.cards import BookableCard
from walletd.domain.cards.programs import Program
from walletd.domain.cards.rotating_codes import RotatingCode, RotatingCodeUsed
from walletd.domain.errors import CardKeyReplaced, NotFound, WalletdError
from walletd.domain.identifiers import KeyState
from walletd.domain.ledger.bookings.reversals import Original
from walletd.domain.ledger.books import AccountBook
from walletd.domain.ledger.redemptions import Redemption


@dataclass(slots=True)
class BatchContext:
    """All that the commands of one batch are decided on, and what they changed of it."""

    now: datetime
    books: dict[str, AccountBook] = field(default_factory=dict)
    programs: dict[str, tuple[Program, ZoneInfo]] = field(default_factory=dict)
    notified: set[str] = field(default_factory=set)
    """Merchants whose own programs are notified of events."""
    cards: dict[tuple[str, str], tuple[BookableCard, KeyState]] = field(default_factory=dict)
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
        if found[1] == KeyState.RETIRED:
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
