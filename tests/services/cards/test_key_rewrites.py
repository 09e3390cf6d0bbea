"""New keys of cards: the barcode changes and nothing else, old keys lead on, no key ever leads to two cards (D-02)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.builders import Shop
from tests.services.customers.merging import merged, two_cards
from walletd.domain.cards.keys import OldKey, Rewrite, RewritePlan, RewritesRefused
from walletd.domain.customers.merges import CardMerged, MergeNotUndoable
from walletd.domain.errors import (
    CardIsRevoked,
    CardKeyReplaced,
    CardKeyTaken,
    NotFound,
    ValidationFailed,
    WalletdError,
)


async def rewritten(shop: Shop, card: str, key: str, old_key: OldKey = OldKey.REDIRECT) -> Any:
    """Give a card another key."""
    plan = RewritePlan("number of the plastic card", old_key)
    return await shop.services.card_keys.rewrite(shop.principal, Rewrite(card, key), plan)


async def all_rewritten(shop: Shop, *rows: tuple[str, str], dry_run: bool = False) -> Any:
    """Give many cards other keys."""
    wanted = [Rewrite(*row) for row in rows]
    return await shop.services.card_keys.rewrite_all(shop.principal, wanted, RewritePlan("new till"), dry_run=dry_run)


async def found(shop: Shop, key: str) -> tuple[str, str]:
    """The serial number that a key leads to, and the key that the card shows."""
    view = await shop.services.cards.by_key(shop.principal, key)
    return view.card.serial_number, view.card.key


async def test_t12_the_barcode_changes_and_the_serial_stays(shop: Shop) -> None:
    """T-12, I-07: same serial and token, a new version, both phones told; the old key still leads to the card."""
    card = await shop.card()
    serial, old = card["serial_number"], card["key"]
    for device in ("device-1", "device-2"):
        await shop.register(serial, device=device, token=f"{device:0<64}".encode().hex()[:64])
    await shop.until_idle()
    before, token = await shop.published_sequence(serial), shop.authorization(serial)
    await rewritten(shop, serial, "4711")
    await shop.until_idle()
    assert await shop.published_sequence(serial) > before
    assert shop.authorization(serial) == token
    assert [await found(shop, key) for key in ("4711", old)] == [(serial, "4711")] * 2
    await shop.post(old, "credit", amount=5)
    await shop.post("4711", "credit", amount=5)
    assert await shop.balance(serial) == 10


async def test_a_retired_key_is_refused_without_naming_the_new_one(shop: Shop) -> None:
    """Reliability 5, 17: a picture of the old barcode is worth nothing any more."""
    card = await shop.card()
    await rewritten(shop, card["serial_number"], "4711", OldKey.RETIRE)
    for attempt in (shop.post(card["key"], "credit", amount=5), found(shop, card["key"])):
        with pytest.raises(CardKeyReplaced) as refused:
            await attempt
        assert "4711" not in str(refused.value) + str(refused.value.facts)
    with pytest.raises(CardKeyTaken):
        await rewritten(shop, card["serial_number"], card["key"])


async def test_a_key_goes_and_comes_back_and_the_same_again_changes_nothing(shop: Shop) -> None:
    """A repeated request is harmless; a card's own former key is no collision."""
    card = await shop.card()
    serial, old = card["serial_number"], card["key"]
    for _ in range(2):
        done = await rewritten(shop, serial, "4711")
    assert (done.old_key, done.key) == ("4711", "4711")
    await rewritten(shop, serial, old)
    assert [await found(shop, key) for key in ("4711", old)] == [(serial, old)] * 2


async def test_a_key_of_another_card_is_never_taken_over(shop: Shop) -> None:
    """Not its present one, and not one it ever had."""
    one, other = await two_cards(shop)
    await rewritten(shop, other["serial_number"], "4711")
    for key in ("4711", other["key"]):
        with pytest.raises(CardKeyTaken):
            await rewritten(shop, one["serial_number"], key)
    assert await found(shop, one["key"]) == (one["serial_number"], one["key"])


async def test_cards_that_are_over_keep_their_key(shop: Shop) -> None:
    """Revoked, merged, unknown, and keys that no barcode can hold."""
    one, other = await two_cards(shop)
    await merged(shop, one, other)
    with pytest.raises(CardMerged):
        await rewritten(shop, other["serial_number"], "4711")
    await shop.services.cards.revoke(shop.principal, one["serial_number"], "lost")
    with pytest.raises(CardIsRevoked):
        await rewritten(shop, one["serial_number"], "4711")
    with pytest.raises(NotFound):
        await rewritten(shop, "no-such-card", "4711")
    third = await shop.card()
    for bad in ("", "ä", "x" * 65, "a\nb"):
        with pytest.raises(ValidationFailed):
            await rewritten(shop, third["serial_number"], bad)


async def test_both_phones_of_a_merged_customer_show_the_new_key(shop: Shop) -> None:
    """A card that was merged shows what the one that goes on shows; all keys lead there; undoing names the rewrite."""
    one, other = await two_cards(shop)
    merge = await merged(shop, one, other)
    await rewritten(shop, one["serial_number"], "4711")
    views = [await shop.services.cards.get(shop.principal, card["serial_number"]) for card in (one, other)]
    assert [view.card.key for view in views] == ["4711", "4711"]
    for key in ("4711", one["key"], other["key"]):
        assert await found(shop, key) == (one["serial_number"], "4711")
    with pytest.raises(MergeNotUndoable):
        await shop.undo(merge["merge_id"])


async def test_a_merge_is_not_undone_where_that_would_bring_a_retired_key_back(shop: Shop) -> None:
    """The card shows the same key as after the merge, but one of before is in wrong hands: it stays dead."""
    one, other = await two_cards(shop)
    merge = await merged(shop, one, other)
    await rewritten(shop, one["serial_number"], one["key"])
    await rewritten(shop, one["serial_number"], other["key"], OldKey.RETIRE)
    with pytest.raises(MergeNotUndoable) as refused:
        await shop.undo(merge["merge_id"])
    assert refused.value.facts == {"serial_number": one["serial_number"]}
    with pytest.raises(CardKeyReplaced):
        await found(shop, one["key"])


async def test_two_cards_that_want_one_key_at_once_are_decided(shop: Shop) -> None:
    """The key goes to exactly one of ten; the others are told."""
    cards = [await shop.card() for _ in range(10)]
    wanted = (rewritten(shop, card["serial_number"], "4711") for card in cards)
    outcomes = await asyncio.gather(*wanted, return_exceptions=True)
    won = [card for card, outcome in zip(cards, outcomes, strict=True) if not isinstance(outcome, BaseException)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(won) == 1
    assert all(isinstance(outcome, CardKeyTaken) for outcome in lost)
    assert await found(shop, "4711") == (won[0]["serial_number"], "4711")


async def test_a_merge_and_a_rewrite_at_once_leave_every_key_leading_to_one_card(shop: Shop) -> None:
    """Whichever comes first; the card that ends is refused, or its new key leads on."""
    for number in range(5):
        one, other = await two_cards(shop)
        key = f"4711-{number}"
        outcomes = await asyncio.gather(
            merged(shop, one, other), rewritten(shop, other["serial_number"], key), return_exceptions=True
        )
        assert not isinstance(outcomes[0], BaseException)
        assert isinstance(outcomes[1], CardMerged) or not isinstance(outcomes[1], BaseException)
        keys = [one["key"], other["key"]] + ([] if isinstance(outcomes[1], BaseException) else [key])
        assert {(await found(shop, name))[0] for name in keys} == {one["serial_number"]}


async def test_a_list_is_done_whole_or_names_every_bad_row(shop: Shop) -> None:
    """All rows are looked at first: unknown, taken, twice; a dry run says what would change and changes nothing."""
    one, other = await two_cards(shop)
    bad = (
        (one["serial_number"], "1"),
        ("nobody", "2"),
        (other["key"], one["key"]),
        (one["key"], "3"),
        (other["key"], "1"),
        (other["key"], "ä"),
    )
    with pytest.raises(RewritesRefused) as refused:
        await all_rewritten(shop, *bad)
    errors: Any = refused.value.facts["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("/rows/1", "not_found"),
        ("/rows/2", "card_key_taken"),
        ("/rows/3", "card_key_taken"),
        ("/rows/4", "card_key_taken"),
        ("/rows/5", "validation_failed"),
    ]
    good = ((one["serial_number"], "1"), (other["key"], "2"))
    would = await all_rewritten(shop, *good, dry_run=True)
    assert [await found(shop, card["key"]) for card in (one, other)] == [
        (card["serial_number"], card["key"]) for card in (one, other)
    ]
    did = await all_rewritten(shop, *good)
    assert would == did
    assert [await found(shop, key) for key in ("1", "2")] == [
        (one["serial_number"], "1"),
        (other["serial_number"], "2"),
    ]
    again = await all_rewritten(shop, *good)
    assert [row.old_key == row.key for row in again] == [True, True]


async def test_a_list_that_was_overtaken_is_finished_by_sending_it_again(shop: Shop) -> None:
    """A card that was revoked between the batches stops the list; without its row the rest is done, none twice."""
    cards = [await shop.card() for _ in range(60)]
    rows = [(card["serial_number"], f"new-{number}") for number, card in enumerate(cards)]
    service, write = shop.services.card_keys, shop.services.card_keys._write

    async def overtaken(*arguments: Any) -> Any:
        done = await write(*arguments)
        await shop.services.cards.revoke(shop.principal, cards[55]["serial_number"], "lost")
        return done

    service._write = overtaken  # type: ignore[method-assign,assignment]  # somebody is faster between two batches
    with pytest.raises(WalletdError):
        await all_rewritten(shop, *rows)
    service._write = write  # type: ignore[method-assign]
    del rows[55]
    done = await all_rewritten(shop, *rows)
    assert sum(row.old_key != row.key for row in done) == 9
    assert [await found(shop, key) for _, key in rows] == [(serial, key) for serial, key in rows]
