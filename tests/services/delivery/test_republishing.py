"""Programs and certificates that change: every card follows, also where the process dies on the way."""

from __future__ import annotations

import pytest

from tests.builders import Shop, demo_credentials
from walletd.db.cards import programs
from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx
from walletd.services.delivery import republishing

_CARDS = 7


async def _cards(shop: Shop) -> list[str]:
    """Issue some cards, publish them, and return their serial numbers in order."""
    serials = [(await shop.card())["serial_number"] for _ in range(_CARDS)]
    await shop.until_idle()
    assert await _dirty(shop) == 0
    return sorted(serials)


async def _dirty(shop: Shop) -> int:
    return (await shop.runtime.database.read(publishing.count_dirty))[0]


async def _left(shop: Shop) -> list[str]:
    return await shop.runtime.database.read(programs.to_republish)


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few cards be many."""
    monkeypatch.setattr(republishing, "_MARKED_AT_ONCE", 2)


async def test_a_changed_program_publishes_every_card_and_leaves_nothing_to_do(shop: Shop) -> None:
    """All cards of the program are marked, in steps, and no other program's."""
    await _cards(shop)
    await shop.card("stamp")
    await shop.until_idle()
    await shop.services.programs.update(shop.principal, await shop.program(), name="Renamed")
    assert (await _dirty(shop), await _left(shop)) == (_CARDS, [])


async def test_a_change_whose_process_was_killed_is_carried_on_at_the_next_start(shop: Shop) -> None:
    """Where the commit of the change was the last thing a process did, the next start publishes all cards."""
    await _cards(shop)
    program_id = await shop.program()

    def change_and_die(tx: Tx) -> None:
        programs.request_republishing(tx, shop.principal.merchant_id, program_id)

    await shop.runtime.database.write(change_and_die)
    assert await shop.services.programs.resume() == _CARDS
    assert (await _dirty(shop), await _left(shop)) == (_CARDS, [])


async def test_a_start_goes_on_where_the_killed_process_had_come_to(shop: Shop) -> None:
    """Cards up to the stored serial number were marked already and are not published twice."""
    serials = await _cards(shop)
    program_id = await shop.program()
    await shop.runtime.database.write(programs.store_republishing, program_id, serials[2])
    assert await shop.services.programs.resume() == _CARDS - 3
    assert await shop.services.programs.resume() == 0


async def test_a_second_change_on_the_way_begins_again_from_the_first_card(shop: Shop) -> None:
    """Who changes a program that is half marked has every card published with the newest rules."""
    serials = await _cards(shop)
    program_id = await shop.program()
    await shop.runtime.database.write(programs.store_republishing, program_id, serials[4])
    await shop.services.programs.update(shop.principal, program_id, name="Newest")
    assert await _dirty(shop) == _CARDS


async def test_a_new_certificate_publishes_the_cards_of_all_programs_of_its_merchant(shop: Shop) -> None:
    """The cards of each program are marked, and nothing is left to do."""
    await _cards(shop)
    await shop.card("gift")
    await shop.until_idle()
    made = demo_credentials()
    await shop.services.merchants.set_credentials(
        shop.principal.merchant_id, "apple", made.pass_type_identifier, made.to_bytes(), made.not_valid_after
    )
    assert (await _dirty(shop), await _left(shop)) == (_CARDS + 1, [])
