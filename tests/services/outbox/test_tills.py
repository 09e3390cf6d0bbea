"""Tills are told of merges once they are committed, again until it works (D2.3.5, C-11, S0-057)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.builders import Shop
from tests.services.customers.merging import Card, merged, two_cards
from tests.services.outbox.test_mail import work
from walletd.domain.errors import ValidationFailed


def a_folder(folder: Path) -> None:
    """Mount the share that a till reads."""
    folder.mkdir(exist_ok=True)


async def a_shop_with_a_till(shop: Shop, folder: Path) -> tuple[Card, Card]:
    """Connect a till to a shop with two cards."""
    a_folder(folder)
    shop.runtime.jitter = lambda: 0.0
    await shop.services.tills.set_folder(shop.principal, str(folder))
    return await two_cards(shop)


def notices(folder: Path) -> list[dict[str, str]]:
    """What the till reads."""
    found: list[dict[str, str]] = []
    for file in sorted(folder.iterdir()):
        with file.open(newline="") as lines:
            found += csv.DictReader(lines, delimiter=";")
    return found


async def test_a_till_is_told_of_a_merge_and_of_its_undoing(shop: Shop, tmp_path: Path) -> None:
    """Local state is right at once; the till follows, and the merge says whether it has."""
    one, other = await a_shop_with_a_till(shop, tmp_path / "till")
    merge = await merged(shop, one, other)
    assert (merge["till"], notices(tmp_path / "till")) == ("pending", [])
    await work(shop)
    (told,) = notices(tmp_path / "till")
    numbers = {card["customer_id"]: str(card["customer"]["number"]) for card in (one, other)}
    assert (told["event"], told["survivor_number"], told["absorbed_number"]) == (
        "merged",
        numbers[one["customer_id"]],
        numbers[other["customer_id"]],
    )
    assert told["card_number_of"] == numbers[other["customer_id"]]
    assert (await shop.services.merges.get(shop.principal, merge["merge_id"]))["till"] == "done"
    assert (await shop.undo(merge["merge_id"]))["till"] == "pending"
    await work(shop)
    assert sorted(notice["event"] for notice in notices(tmp_path / "till")) == ["merged", "separated"]


async def test_a_till_that_cannot_be_reached_is_told_later(shop: Shop, tmp_path: Path) -> None:
    """The share is not mounted: the merge stands, and the notice comes once the folder is back."""
    one, other = await a_shop_with_a_till(shop, tmp_path / "till")
    (tmp_path / "till").rmdir()
    merge = await merged(shop, one, other)
    await work(shop)
    assert (await shop.services.merges.get(shop.principal, merge["merge_id"]))["till"] == "pending"
    a_folder(tmp_path / "till")
    shop.clock.advance(minutes=10)
    await work(shop)
    assert len(notices(tmp_path / "till")) == 1
    assert (await shop.services.merges.get(shop.principal, merge["merge_id"]))["till"] == "done"


async def test_a_shop_without_a_till_tells_none(shop: Shop, tmp_path: Path) -> None:
    """Null; and a till that was taken away is not told what still waits."""
    one, other = await two_cards(shop)
    assert (await merged(shop, one, other))["till"] is None
    one, other = await a_shop_with_a_till(shop, tmp_path / "till")
    await merged(shop, one, other)
    await shop.services.tills.set_folder(shop.principal, "")
    await work(shop)
    assert notices(tmp_path / "till") == []


async def test_a_folder_that_cannot_be_written_to_is_refused(shop: Shop, tmp_path: Path) -> None:
    """Not there, or a file: said at once and not at the first merge."""
    (tmp_path / "file").write_text("")
    for wrong in ("gone", "file"):
        with pytest.raises(ValidationFailed):
            await shop.services.tills.set_folder(shop.principal, str(tmp_path / wrong))
