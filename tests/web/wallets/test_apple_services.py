"""Apple's protocol over the real services: what a phone sees when cards change (B18 to B26)."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import httpx

from tests.builders import PASS_TYPE
from tests.web.conftest import Till

LIST = f"/apple/v1/devices/device-1/registrations/{PASS_TYPE}"
PUSH_TOKEN = {"pushToken": "aa" * 32}


def path_of(serial: str) -> str:
    """Where the pass of a card is."""
    return f"/apple/v1/passes/{PASS_TYPE}/{serial}"


def balance_in(content: bytes) -> int | float:
    """The balance that a pass shows."""
    document = json.loads(zipfile.ZipFile(BytesIO(content)).read("pass.json"))
    style = document["storeCard"]
    values = {field["key"]: field["value"] for group in style.values() if isinstance(group, list) for field in group}
    balance: int | float = values["balance"]
    return balance


async def test_a_phone_follows_a_card(till: Till) -> None:
    """Register, list, fetch; nothing new; a booking; list and fetch again; unregister."""
    shop, client = till.shop, till.client
    serial = (await shop.card())["serial_number"]
    authorized = {"authorization": shop.authorization(serial)}
    assert (await client.post(f"{LIST}/{serial}", headers=authorized, json=PUSH_TOKEN)).status_code == 201

    listed = (await client.get(LIST)).json()
    assert listed["serialNumbers"] == [serial]
    assert listed["lastUpdated"].isdigit()
    first = await client.get(path_of(serial), headers=authorized)
    assert (first.status_code, balance_in(first.content)) == (200, 0)
    conditional = authorized | {"if-modified-since": first.headers["last-modified"]}
    for _ in range(2):
        assert (await client.get(path_of(serial), headers=conditional)).status_code == 304
    assert (await client.get(LIST, params={"passesUpdatedSince": listed["lastUpdated"]})).status_code == 204

    await till.book(serial, "one", type="credit", amount=5)
    again = (await client.get(LIST, params={"passesUpdatedSince": listed["lastUpdated"]})).json()
    assert again["serialNumbers"] == [serial]
    assert again["lastUpdated"] != listed["lastUpdated"]
    second = await client.get(path_of(serial), headers=conditional)
    assert (second.status_code, balance_in(second.content)) == (200, 5)
    shown = await client.get(f"/api/v1/cards/{serial}/deliveries", headers=till.headers)
    assert [phone["fetched"] for phone in shown.json()["items"]] == [again["lastUpdated"]]

    assert (await client.delete(f"{LIST}/{serial}", headers=authorized)).status_code == 200
    assert (await client.get(LIST)).status_code == 204
    assert (await client.get(path_of(serial), headers=authorized)).status_code == 200


async def test_two_changes_in_one_second_are_both_seen(till: Till) -> None:
    """Change, fetch and change within a second: the second condition is not »not modified« (B23, W16)."""
    shop, client = till.shop, till.client
    serial = (await shop.card())["serial_number"]
    authorized = {"authorization": shop.authorization(serial)}
    await till.book(serial, "one", type="credit", amount=1)
    first = await client.get(path_of(serial), headers=authorized)
    await till.book(serial, "two", type="credit", amount=1)
    conditional = authorized | {"if-modified-since": first.headers["last-modified"]}
    second = await client.get(path_of(serial), headers=conditional)
    assert (second.status_code, balance_in(second.content)) == (200, 2)


async def test_a_foreign_tag_gets_everything_and_the_present_tag(till: Till) -> None:
    """Garbage, the future and another epoch count as no tag (B21, W12)."""
    serial = (await till.shop.card())["serial_number"]
    authorized = {"authorization": till.shop.authorization(serial)}
    await till.client.post(f"{LIST}/{serial}", headers=authorized, json=PUSH_TOKEN)
    present = (await till.client.get(LIST)).json()
    for tag in ("garbage", "-1", "9" * 60, "0", "2026-11-23T09:30:00+00:00", "1.5", "٣"):
        answer = await till.client.get(LIST, params={"passesUpdatedSince": tag})
        assert (answer.status_code, answer.json()) == (200, present)


async def test_every_pass_has_a_token_of_its_own(till: Till) -> None:
    """The token of one card opens no other, and an unknown card is answered like a wrong token (B18, W1)."""
    one, two = [(await till.shop.card())["serial_number"] for _ in range(2)]
    answers: list[httpx.Response] = []
    for serial in (two, "a" * 26):
        authorized = {"authorization": till.shop.authorization(one)}
        answers.append(await till.client.get(path_of(serial), headers=authorized))
        answers.append(await till.client.post(f"{LIST}/{serial}", headers=authorized, json=PUSH_TOKEN))
    assert {(answer.status_code, answer.content, str(answer.headers)) for answer in answers} == {
        (401, b"", str(answers[0].headers))
    }


async def test_registering_again_takes_the_new_push_token(till: Till) -> None:
    """201, then 200, then 200 with another token, which is the one that is pushed to (B19, W4)."""
    serial = (await till.shop.card())["serial_number"]
    authorized = {"authorization": till.shop.authorization(serial)}
    await till.shop.until_idle()
    statuses = []
    for token in ("aa" * 32, "aa" * 32, "bb" * 32):
        answer = await till.client.post(f"{LIST}/{serial}", headers=authorized, json={"pushToken": token})
        statuses.append(answer.status_code)
    await till.book(serial, "one", type="credit", amount=1)
    await till.shop.until_idle()
    assert statuses == [201, 200, 200]
    assert till.shop.pushes.pushed[-1] == "bb" * 32


async def test_a_flood_of_registrations_is_stopped(till: Till) -> None:
    """Twenty new phones an hour take a pass; the others are told to wait (B26)."""
    serial = (await till.shop.card())["serial_number"]
    authorized = {"authorization": till.shop.authorization(serial)}
    answers = []
    for number in range(25):
        path = f"/apple/v1/devices/device-{number}/registrations/{PASS_TYPE}/{serial}"
        answers.append(await till.client.post(path, headers=authorized, json=PUSH_TOKEN))
    assert [answer.status_code for answer in answers] == [201] * 20 + [429] * 5
    assert answers[-1].headers["retry-after"] == "3600"


async def test_other_wallets_follow_a_card_without_registering(till: Till) -> None:
    """Readers that only poll, and those with a scheme of their own, are served too (W3, W21)."""
    serial = (await till.shop.card())["serial_number"]
    token = till.shop.authorization(serial).split()[1]
    for scheme in ("ApplePass", "AndroidPass", "WalletUnionPass", "applepass"):
        answer = await till.client.get(path_of(serial), headers={"authorization": f"{scheme} {token}"})
        assert answer.status_code == 200
    foreign = {"authorization": f"AndroidPass {token}"}
    answer = await till.client.post(f"{LIST}/{serial}", headers=foreign, json={"pushToken": "fcm:token-1"})
    assert answer.status_code == 201


async def test_a_scanned_link_gives_the_pass(till: Till) -> None:
    """The link of a card leads an iPhone to its pass and a desktop to its code; after its time it is gone."""
    card = await till.shop.card()
    iphone = {"user-agent": "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/18.6 Mobile Safari/604.1"}
    answer = await till.client.get(card["add_url"], headers=iphone)
    assert balance_in(answer.content) == 0
    page = await till.client.get(card["add_url"], headers={"accept-language": "de"})
    assert "Café Morgenrot" in page.text
    assert "Muster" not in page.text
    assert (await till.client.get(card["add_qr_svg_url"])).headers["content-type"] == "image/svg+xml"
    till.shop.clock.advance(days=15)
    assert (await till.client.get(card["add_url"], headers=iphone)).status_code == 410
    assert (await till.client.get(card["add_url"][:-1] + "A")).status_code in {404, 410}
