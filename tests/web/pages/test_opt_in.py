"""The consent to newsletters over HTTP: the routes of staff, and the page that a holder answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.channels.mailbox import Mailbox, a_mailbox
from tests.services.outbox.test_mail import work
from tests.web.conftest import Till
from walletd.channels.mail import MailSender, MailServer

API = "/api/v1"
OPENED = {"accept-language": "de"}


@pytest.fixture
def mailbox(till: Till) -> Iterator[Mailbox]:
    """A mail server that the shop sends by."""
    with a_mailbox() as running:
        server = MailServer.from_url(running.url(), "shop.test")
        till.shop.runtime.mail_channel = MailSender(server, "shop.test", seconds=5)
        yield running


async def invited(till: Till, mailbox: Mailbox) -> tuple[str, str]:
    """The path of a customer, and that of the page in the mail."""
    body = {"last_name": "Weber", "email": "mia@example.org"}
    made = (await till.client.post(f"{API}/customers", headers=till.headers, json=body)).json()
    path = f"{API}/customers/{made['customer_id']}"
    sent = await till.client.post(f"{path}/opt-in/send", headers=till.headers)
    assert (sent.status_code, sent.json()["opt_in"]["state"]) == (200, "sent")
    await work(till.shop)
    found = re.search(r"/opt-in/\S+", mailbox.received[-1].text)
    assert found is not None
    return path, found[0]


async def test_opening_the_page_changes_nothing_and_its_button_consents(till: Till, mailbox: Mailbox) -> None:
    """A mail scanner that opens links gives no consent; the form leads to nowhere but walletd."""
    path, page = await invited(till, mailbox)
    for _ in range(2):
        shown = await till.client.get(page, headers=OPENED)
        assert (shown.status_code, "Ja, bitte" in shown.text) == (200, True)
        assert "form-action 'self'" in shown.headers["content-security-policy"]
        assert "Weber" not in shown.text
    state = (await till.client.get(path, headers=till.headers)).json()["opt_in"]
    assert (state["state"], state["confirmed_at"]) == ("sent", None)
    answered = await till.client.post(page, headers=OPENED, data={"answer": "yes"})
    assert (answered.status_code, "Danke!" in answered.text) == (200, True)
    assert (await till.client.get(path, headers=till.headers)).json()["opt_in"]["state"] == "confirmed"


async def test_a_consent_is_revoked_on_the_same_page_and_stays_revoked(till: Till, mailbox: Mailbox) -> None:
    """What was revoked comes back by a new invitation only; the page says so."""
    path, page = await invited(till, mailbox)
    await till.client.post(page, headers=OPENED, data={"answer": "yes"})
    revoked = await till.client.post(page, headers=OPENED, data={"answer": "no"})
    assert (revoked.status_code, "keinen Newsletter" in revoked.text) == (200, True)
    again = await till.client.post(page, headers=OPENED, data={"answer": "yes"})
    assert (again.status_code, "neue Einladung" in again.text) == (409, True)
    assert (await till.client.get(path, headers=till.headers)).json()["opt_in"]["state"] == "revoked"


@pytest.mark.parametrize("answer", ["", "perhaps", "yes&answer=both&" + "x=1&" * 99, "%ff%00"])
async def test_an_answer_that_is_neither_yes_nor_no_is_refused(till: Till, mailbox: Mailbox, answer: str) -> None:
    """422, never a fault; nothing changes."""
    path, page = await invited(till, mailbox)
    headers = OPENED | {"content-type": "application/x-www-form-urlencoded"}
    refused = await till.client.post(page, headers=headers, content=f"answer={answer}")
    assert refused.status_code == 422
    assert (await till.client.get(path, headers=till.headers)).json()["opt_in"]["state"] == "sent"


@pytest.mark.parametrize("token", ["x", "A" * 63, "%00", "..%2f..", "ä"])
async def test_a_link_that_is_not_ours_is_explained(till: Till, token: str) -> None:
    """404 with a page for people, for reading and for answering."""
    shown = await till.client.get(f"/opt-in/{token}", headers=OPENED)
    answered = await till.client.post(f"/opt-in/{token}", headers=OPENED, data={"answer": "yes"})
    assert (shown.status_code, answered.status_code) == (404, 404)


async def test_staff_note_a_consent_by_hand_and_read_the_refusal(till: Till) -> None:
    """S2-033: sent otherwise than by mail, confirmed, revoked; confirming after that is 409 opt_in_refused."""
    made = (await till.client.post(f"{API}/customers", headers=till.headers, json={"last_name": "Weber"})).json()
    path = f"{API}/customers/{made['customer_id']}/opt-in"
    unsent = await till.client.post(f"{path}/send", headers=till.headers)
    assert (unsent.status_code, unsent.json()["code"]) == (409, "mail_unavailable")
    sent = await till.client.post(f"{path}/send", headers=till.headers, json={"by_mail": False})
    confirmed = await till.client.post(f"{path}/confirm", headers=till.headers)
    revoked = await till.client.post(f"{path}/revoke", headers=till.headers)
    states = [answer.json()["opt_in"]["state"] for answer in (sent, confirmed, revoked)]
    assert states == ["sent", "confirmed", "revoked"]
    refused = await till.client.post(f"{path}/confirm", headers=till.headers)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "opt_in_refused", "revoked")


async def test_a_list_is_narrowed_and_counted_over_http(till: Till) -> None:
    """The same filters narrow the list and its tiles; what no customer can be is refused with its pointer."""
    body = {"last_name": "Weber", "origins": ["till"], "feedback_rating": 4, "tags": ["stamm"]}
    await till.client.post(f"{API}/customers", headers=till.headers, json=body)
    await till.client.post(f"{API}/customers", headers=till.headers, json={"last_name": "Anders"})
    chosen = {"origin": "till", "tag": "stamm", "crm_active": "true"}
    listed = await till.client.get(f"{API}/customers", headers=till.headers, params=chosen)
    assert [item["last_name"] for item in listed.json()["items"]] == ["Weber"]
    tiles = await till.client.get(f"{API}/customers/tiles", headers=till.headers, params=chosen)
    assert tiles.json() == {"customers": 1, "transactions": 0, "reviews": 1, "overall_rating": 4.0}
    for name, value in (("crm_active", "1"), ("opt_in", "x"), ("origin", "x"), ("colour", "red"), ("sort", "tags")):
        refused = await till.client.get(f"{API}/customers", headers=till.headers, params={name: value})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{name}")
    twice = await till.client.post(f"{API}/customers", headers=till.headers, json=body | {"feedback_rating": 6})
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (422, "/feedback_rating")
