"""Whether a card is on somebody's phone: what all wallets say of it together (D-13, D2.3.1)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from walletd.db.cards import cards
from walletd.db.delivery import devices, wallet_objects
from walletd.db.engine.base import Tx
from walletd.domain.cards.cards import CardStatus
from walletd.domain.cards.changes import CardInstalled, CardUninstalled
from walletd.domain.merchants.principals import Principal, PrincipalKind
from walletd.services.changes.recorder import record

_LIVING: Final = (CardStatus.ISSUED, CardStatus.INSTALLED, CardStatus.UNINSTALLED)


def note_installed(tx: Tx, merchant_id: str, serial_number: str, now: datetime) -> None:
    """Follow that a card came onto a phone; revoked and deleted cards stay what they are."""
    _change(tx, merchant_id, serial_number, CardInstalled, now)


def note_removed(tx: Tx, merchant_id: str, serial_number: str, now: datetime) -> None:
    """Follow that a card left a phone: it is uninstalled once no wallet of anybody has it any more."""
    if devices.count_of_card(tx, serial_number) == 0 and not wallet_objects.is_saved(tx, serial_number):
        _change(tx, merchant_id, serial_number, CardUninstalled, now)


def follow_phones(tx: Tx, serial_number: str) -> None:
    """Follow what happened on phones while a card was revoked: it came onto one, or left the last one."""
    if devices.count_of_card(tx, serial_number) > 0 or wallet_objects.is_saved(tx, serial_number):
        cards.change_status(tx, serial_number, CardStatus.INSTALLED, among=(CardStatus.ISSUED, CardStatus.UNINSTALLED))
    else:
        cards.change_status(tx, serial_number, CardStatus.UNINSTALLED, among=(CardStatus.INSTALLED,))


def _change(
    tx: Tx, merchant_id: str, serial_number: str, change: type[CardInstalled | CardUninstalled], now: datetime
) -> None:
    status = CardStatus.INSTALLED if change is CardInstalled else CardStatus.UNINSTALLED
    if cards.change_status(tx, serial_number, status, among=_LIVING):
        phone = Principal(merchant_id, PrincipalKind.DEVICE, "phone", "phone")
        stored = cards.find(tx, merchant_id, serial_number)
        if stored is not None:
            record(tx, phone, now, change(stored.card))
