"""The inbox of duplicates: filled at registration and at night, emptied by staff (S0-046 to S0-061, D-03, D-04)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import Shop, new_customer, next_key
from walletd.db.customers import customers
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.matching import DuplicateDecided
from walletd.domain.errors import NotFound, ValidationFailed
from walletd.domain.pages import PageRequest
from walletd.services.customers.duplicates import CaseView

HOME = {"street": "Hauptstraße 7", "postal_code": "10115"}


async def a_customer(shop: Shop, **details: Any) -> Customer:
    """A customer who registers a moment after the last one."""
    shop.clock.advance(seconds=1)
    new = new_customer(**{"first_name": "Mia", "last_name": "Weber"} | details)
    return await shop.services.customers.create(shop.principal, new)


async def inbox(shop: Shop, state: str | None = "open") -> list[CaseView]:
    """All cases in a state."""
    return list((await shop.services.duplicates.page(shop.principal, PageRequest(page_size=100), state)).items)


async def test_whoever_registers_twice_is_put_into_the_inbox(shop: Shop) -> None:
    """Scenario 2 and 3: another user name, the same telephone; nobody is stopped, staff see both and why."""
    first = await a_customer(shop, email="mia@a.example", phone="0171 5550199")
    second = await a_customer(shop, email="mia@b.example", phone="+49 171 5550199")
    (case,) = await inbox(shop)
    assert (case.older.id, case.newer.id) == (first.id, second.id)
    assert (case.case.stage, case.case.source) == ("phone", "registration")


async def test_a_card_for_a_new_customer_looks_too_and_a_change_of_details_does(shop: Shop) -> None:
    """Scenario 1: issued at the till; and who corrects the address may turn out to be known."""
    known = await a_customer(shop, address=HOME)
    moved = await a_customer(shop, address=HOME | {"postal_code": "99999"})
    assert await inbox(shop) == []
    await shop.services.customers.update(shop.principal, moved.id, {"address": HOME | {"street": "Hauptstr. 7"}})
    assert [(case.older.id, case.newer.id, case.case.stage) for case in await inbox(shop)] == [
        (known.id, moved.id, "person")
    ]
    await shop.services.customers.update(shop.principal, moved.id, {"locale": "de"})
    assert len(await inbox(shop)) == 1


async def test_a_firm_s_switchboard_is_no_evidence(shop: Shop) -> None:
    """A key that more than ten customers have makes no cases; nor does it at night."""
    for number in range(13):
        await a_customer(shop, first_name=f"P{number}", phone="030 5550100")
    before = len(await inbox(shop))
    assert before == 45
    assert await shop.services.duplicates.scan() == "0 new pairs, 1 keys left out that more than 10 customers have"


async def test_a_confirmed_duplicate_is_merged_as_the_till_needs_it(shop: Shop) -> None:
    """D-03: the one who registered last goes on, with the number of the first; the case is closed, a repeat replays."""
    first, second = await a_customer(shop, email="m@a.example"), await a_customer(shop, email="M@a.example ")
    (case,) = await inbox(shop)
    key = next_key()
    for replayed in (False, True):
        answer = await shop.services.duplicates.confirm(shop.principal, case.case.id, {}, key)
        assert answer.replayed is replayed
    assert (await shop.services.customers.get(shop.principal, first.id)).merged_into == second.id
    assert [view.case.state for view in await inbox(shop, None)] == ["merged"]
    with pytest.raises(DuplicateDecided):
        await shop.services.duplicates.dismiss(shop.principal, case.case.id, "father and son")


@pytest.mark.parametrize(
    ("origins", "goes_on"),
    [((("online",), ("online",)), 0), ((("till",), ("online",)), 1), ((("online",), ("till",)), 1), (((), ()), 1)],
)
async def test_of_two_accounts_from_online_the_first_goes_on(
    shop: Shop, origins: tuple[tuple[str, ...], tuple[str, ...]], goes_on: int
) -> None:
    """D-03, scenario 2 against 1 and 3; the number is that of the first. A repeat replays, though origins add up."""
    both = [await a_customer(shop, email="m@a.example", origins=came) for came in origins]
    (case,) = await inbox(shop)
    key = next_key()
    first, again = [await shop.services.duplicates.confirm(shop.principal, case.case.id, {}, key) for _ in range(2)]
    assert (first.body, again.replayed) == (again.body, True)
    ended = await shop.services.customers.get(shop.principal, both[1 - goes_on].id)
    assert ended.merged_into == both[goes_on].id
    assert f'"number_survivor":"{both[0].id}"'.encode() in first.body


async def test_staff_may_name_who_goes_on(shop: Shop) -> None:
    """The older one as identity; somebody else than the two is refused."""
    first, second = await a_customer(shop, email="m@a.example"), await a_customer(shop, email="m@a.example")
    third = await a_customer(shop, last_name="Anders")
    (case,) = await inbox(shop)
    with pytest.raises(ValidationFailed):
        await shop.services.duplicates.confirm(
            shop.principal, case.case.id, {"identity_survivor": third.id}, next_key()
        )
    await shop.services.duplicates.confirm(shop.principal, case.case.id, {"identity_survivor": first.id}, next_key())
    assert (await shop.services.customers.get(shop.principal, second.id)).merged_into == first.id


async def test_a_merge_by_another_way_closes_the_case(shop: Shop) -> None:
    """The inbox never shows what is done."""
    first, second = await a_customer(shop, email="m@a.example"), await a_customer(shop, email="m@a.example")
    await shop.merge(first.id, second.id)
    assert await inbox(shop) == []


async def test_a_dismissed_pair_does_not_come_back(shop: Shop) -> None:
    """Not at night and not when one of them is changed; dismissing again changes nothing."""
    first, second = await a_customer(shop, phone="030 5550100"), await a_customer(shop, phone="030 5550100")
    (case,) = await inbox(shop)
    for _ in range(2):
        view = await shop.services.duplicates.dismiss(shop.principal, case.case.id, "father and son")
        assert (view.case.state, view.case.reason) == ("dismissed", "father and son")
    await shop.services.customers.update(shop.principal, first.id, {"email": "m@a.example"})
    await shop.services.customers.update(shop.principal, second.id, {"email": "m@a.example"})
    await shop.services.duplicates.scan()
    assert await inbox(shop) == []


async def test_the_night_finds_whom_nobody_looked_for(shop: Shop) -> None:
    """Customers that came in by a file, say: every pair of a key once, and no more the next night."""
    made = [await a_customer(shop, last_name=f"N{number}") for number in range(3)]

    def write(tx: Any) -> None:
        for customer in made:
            customers.change(tx, [with_email(customer)])

    await shop.runtime.database.write(write)
    assert await shop.services.duplicates.scan() == "3 new pairs, 0 keys left out that more than 10 customers have"
    assert {case.case.source for case in await inbox(shop)} == {"nightly"}
    assert (await shop.services.duplicates.scan()).startswith("0 new pairs")


def with_email(customer: Customer) -> Customer:
    """The same customer with the address that all have."""
    return replace(customer, details=replace(customer.details, email="info@a.example"))


async def test_erasing_a_customer_empties_the_inbox_of_it(shop: Shop) -> None:
    """Nothing says any more that both had the same address; unknown cases are not found."""
    first, _ = await a_customer(shop, email="m@a.example"), await a_customer(shop, email="m@a.example")
    (case,) = await inbox(shop)
    await shop.services.erasures.erase(shop.principal, first.id)
    assert await inbox(shop, None) == []
    with pytest.raises(NotFound):
        await shop.services.duplicates.dismiss(shop.principal, case.case.id, "x")
    with pytest.raises(ValidationFailed):
        await inbox(shop, "unknown")


async def test_obvious_pairs_are_merged_together_and_the_others_stay(shop: Shop) -> None:
    """D-18: three times the same person become one; another name under the same address stays for staff to see."""
    made = [await a_customer(shop, email="m@a.example", **more) for more in ({}, {"birth_date": "1980-01-02"}, {})]
    father = await a_customer(shop, email="f@a.example", first_name="Otto")
    await a_customer(shop, email="f@a.example", first_name="Olga")
    would = await shop.services.duplicates.merge_obvious(shop.principal, dry_run=True)
    assert {item.merged for item in would} == {False}
    assert len(await inbox(shop)) == 4
    await shop.services.duplicates.merge_obvious(shop.principal, dry_run=False)
    living = [item for item in made if (await shop.services.customers.get(shop.principal, item.id)).merged_into is None]
    assert len(living) == 1
    assert [case.older.id for case in await inbox(shop)] == [father.id]


async def test_a_pair_that_cannot_be_merged_now_stays_with_its_reason(shop: Shop) -> None:
    """A revoked card stands against it; the others are merged."""
    card = await shop.card(customer=new_customer(last_name="Weber", email="m@a.example"))
    shop.clock.advance(seconds=1)
    await shop.card(customer=new_customer(last_name="Weber", email="m@a.example"))
    await shop.services.cards.revoke(shop.principal, card["serial_number"], "lost")
    (pair,) = await shop.services.duplicates.merge_obvious(shop.principal, dry_run=False)
    assert (pair.merged, pair.refused) == (False, "card_revoked")
    assert len(await inbox(shop)) == 1


async def test_a_case_goes_over_to_whoever_goes_on(shop: Shop) -> None:
    """The absorbed customer resembled a third one; so does the survivor."""
    survivor, absorbed = await a_customer(shop, email="m@a.example"), await a_customer(shop, phone="030 5550100")
    third = await a_customer(shop, phone="030 5550100", first_name="Ida")
    await shop.merge(survivor.id, absorbed.id)
    assert [(case.older.id, case.newer.id) for case in await inbox(shop)] == [(survivor.id, third.id)]


async def test_a_dismissed_pair_is_not_merged_by_confirming_it(shop: Shop) -> None:
    """Staff said that they are two persons: confirming is refused, and both stay as they are."""
    first, second = await a_customer(shop, phone="030 5550100"), await a_customer(shop, phone="030 5550100")
    (case,) = await inbox(shop)
    await shop.services.duplicates.dismiss(shop.principal, case.case.id, "father and son")
    with pytest.raises(DuplicateDecided):
        await shop.services.duplicates.confirm(shop.principal, case.case.id, {}, next_key())
    for customer in (first, second):
        assert (await shop.services.customers.get(shop.principal, customer.id)).merged_into is None


async def test_the_longest_names_and_addresses_are_stored_and_recognised(shop: Shop) -> None:
    """Letters of four bytes in every field, on both engines: nothing is refused, and the same is found again."""
    letters = "".join(chr(0x20000 + place) for place in range(200))
    long = {
        "first_name": letters,
        "last_name": letters,
        "company": letters,
        "address": {"street": letters, "postal_code": letters},
    }
    for _ in range(2):
        await a_customer(shop, **long)
    assert [case.case.stage for case in await inbox(shop)] == ["person"]


async def test_the_night_finds_all_pairs_of_many_large_groups(shop: Shop) -> None:
    """More pairs than one write takes: each is found once."""
    made = [(number, await a_customer(shop, last_name=f"N{number}")) for number in range(24)]

    def write(tx: Any) -> None:
        for number, customer in made:
            address = f"house-{number % 3}@a.example"
            customers.change(tx, [replace(customer, details=replace(customer.details, email=address))])

    await shop.runtime.database.write(write)
    assert (await shop.services.duplicates.scan()).startswith("84 new pairs")
    assert len(await inbox(shop)) == 84


async def test_an_address_that_many_share_does_not_hide_the_telephone(shop: Shop) -> None:
    """What is no evidence is no hit either: the next stage decides."""
    for number in range(11):
        await a_customer(shop, first_name=f"P{number}", email="info@a.example")
    already = len(await inbox(shop))
    first = await a_customer(shop, email="info@a.example", phone="030 5550100")
    second = await a_customer(shop, email="info@a.example", phone="030 5550100")
    (newest, *others) = await inbox(shop)
    assert (newest.older.id, newest.newer.id, newest.case.stage) == (first.id, second.id, "phone")
    assert len(others) == already


async def test_everybody_who_finds_the_same_pair_at_once_is_served(shop: Shop) -> None:
    """Both customers are changed at once while the night looks: no change is refused, each pair has one case."""
    pairs = [(await a_customer(shop), await a_customer(shop)) for _ in range(5)]
    changes = []
    for number, pair in enumerate(pairs):
        phone = {"phone": f"030 555{number:04}"}
        changes += [shop.services.customers.update(shop.principal, each.id, phone) for each in pair]
    await asyncio.gather(*changes)
    emails = []
    for number, pair in enumerate(pairs):
        email = {"email": f"m{number}@a.example"}
        emails += [shop.services.customers.update(shop.principal, each.id, email) for each in pair]
    await asyncio.gather(*emails, shop.services.duplicates.scan(), shop.services.duplicates.scan())
    await shop.services.duplicates.scan()
    found = [(case.older.id, case.newer.id) for case in await inbox(shop)]
    assert sorted(found) == sorted((first.id, second.id) for first, second in pairs)
