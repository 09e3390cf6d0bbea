"""Merge requests: filed by customers, confirmed by the second address, decided by staff (D2.3.4, S4-053 to S4-066)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.builders import Shop, new_customer
from tests.channels.mailbox import Mailbox, a_mailbox
from tests.services.outbox.test_mail import ADDRESS, a_reader, stored, work
from walletd.domain.customers.consent import MailUnavailable
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merge_requests import (
    MergeRequestDecided,
    MergeRequestOpen,
    MergeRequestRefused,
    MergeRequestUnconfirmed,
)
from walletd.domain.customers.merges import CardMerged, MergeSelf
from walletd.domain.errors import IdempotencyKeySpent, LinkExpired, LinkInvalid, NotFound, ValidationFailed
from walletd.domain.pages import PageRequest
from walletd.services.customers.merge_requests import RequestView


@dataclass(slots=True)
class Couple:
    """Two customers with a card each, one of whom asks for the other's account."""

    shop: Shop
    mailbox: Mailbox
    applicant: Customer
    second: Customer

    async def file(self, remark: str | None = None) -> RequestView:
        """File a request, and send what mail it makes."""
        filed = await self.shop.services.merge_requests.file(
            self.shop.principal, self.applicant.id, self.second.id, remark
        )
        await work(self.shop)
        return filed

    def token(self) -> str:
        """Return the token in the newest mail to the second address."""
        texts = [mail.text for mail in self.mailbox.received if mail.recipients == [self.second.details.email]]
        found = re.search(r"/confirm/(\S+)", texts[-1])
        assert found is not None
        return found[1]

    async def approve(self, request: RequestView, key: str = "once", number: str | None = None) -> dict[str, object]:
        """Approve a request."""
        requests = self.shop.services.merge_requests
        answer = await requests.approve(self.shop.principal, request.request.id, number, None, key)
        document: dict[str, object] = json.loads(answer.body)
        return document

    async def state(self, request: RequestView) -> str:
        """Return how far a request is."""
        return (await self.shop.services.merge_requests.get(self.shop.principal, request.request.id)).request.state

    def subjects_to(self, address: str) -> list[str]:
        """Return the subjects of the mails to an address."""
        return [str(mail.message["Subject"]) for mail in self.mailbox.received if mail.recipients == [address]]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server with every mailbox."""
    with a_mailbox() as running:
        yield running


async def a_couple(shop: Shop, mailbox: Mailbox, email: str = "old@example.org", **second: str) -> Couple:
    """A customer with a card and 40 points, and another with a card and 25."""
    await a_reader(shop, mailbox)
    new = new_customer(last_name="Weber", email="new@example.org", locale="de")
    applicant = await shop.services.customers.create(shop.principal, new)
    other = new_customer(**{"last_name": "Weber", "email": email, "locale": "en"} | second)  # type: ignore[arg-type]
    integrated = await shop.services.customers.create(shop.principal, other)
    for customer, points in ((applicant, 40), (integrated, 25)):
        card = await shop.card(customer_id=customer.id, customer=None)
        await shop.post(card["serial_number"], "credit", amount=points)
    return Couple(shop, mailbox, applicant, integrated)


async def test_a_request_is_confirmed_by_the_second_address_and_approved(shop: Shop, mailbox: Mailbox) -> None:
    """S4-053 to S4-066: staff are told, the second address agrees, staff approve; one merge, both are told."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    assert (request.request.state, request.request.remark) == ("awaiting_confirmation", "Neuer Eintrag")
    assert couple.subjects_to(ADDRESS) == ["Neuer Zusammenlegungsantrag bei Café Morgenrot"]
    assert "new@example.org" in mailbox.received[0].text + mailbox.received[-1].text
    with pytest.raises(MergeRequestUnconfirmed):
        await couple.approve(request, "too early")
    token = couple.token()
    for _ in range(2):
        assert (await shop.services.merge_requests.open(token)).state == "awaiting_confirmation"
    for _ in range(2):
        assert (await shop.services.merge_requests.answer(token, agrees=True)).state == "confirmed"
    await work(shop)
    assert couple.subjects_to(ADDRESS)[1:] == ["Zusammenlegungsantrag bei Café Morgenrot ist bestätigt"]
    merge = await couple.approve(request)
    assert (merge["identity_survivor"], merge["number_survivor"]) == (couple.applicant.id, couple.applicant.id)
    assert await couple.approve(request) == merge
    after = await shop.services.merge_requests.get(shop.principal, request.request.id)
    assert (after.request.state, after.request.merge_id) == ("approved", merge["merge_id"])
    assert after.second.merged_into == couple.applicant.id
    await work(shop)
    assert couple.subjects_to("new@example.org") == ["Ihre Konten bei Café Morgenrot sind jetzt eines"]
    assert couple.subjects_to("old@example.org")[-1] == "Your accounts at Café Morgenrot are one now"
    with pytest.raises(MergeRequestDecided):
        await couple.approve(request, "another key")
    with pytest.raises(MergeRequestDecided):
        await shop.services.merge_requests.reject(shop.principal, request.request.id, None)


async def test_the_number_of_the_integrated_account_may_go_on(shop: Shop, mailbox: Mailbox) -> None:
    """D-03: whose number the till knows is another question than whose account is the main one."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    await shop.services.merge_requests.answer(couple.token(), agrees=True)
    merge = await couple.approve(request, number=couple.second.id)
    assert (merge["identity_survivor"], merge["number_survivor"]) == (couple.applicant.id, couple.second.id)


async def test_the_second_address_declines_and_nothing_is_merged(shop: Shop, mailbox: Mailbox) -> None:
    """D-28: a stranger's request ends there; the applicant is told, and may file a new one."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file("same person")
    token = couple.token()
    assert (await shop.services.merge_requests.answer(token, agrees=False)).state == "rejected"
    await work(shop)
    assert couple.subjects_to("new@example.org") == ["Ihr Antrag bei Café Morgenrot wurde abgelehnt"]
    with pytest.raises(MergeRequestDecided):
        await shop.services.merge_requests.answer(token, agrees=True)
    with pytest.raises(MergeRequestDecided):
        await couple.approve(request)
    assert (await couple.file()).request.state == "awaiting_confirmation"


async def test_staff_reject_a_request_with_a_remark(shop: Shop, mailbox: Mailbox) -> None:
    """S4-061, S4-065: the remark is for staff; the mail does not repeat it; the link says what became of it."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    rejected = await shop.services.merge_requests.reject(shop.principal, request.request.id, "not the same person")
    assert (rejected.request.state, rejected.request.remark) == ("rejected", "not the same person")
    assert (await shop.services.merge_requests.open(couple.token())).state == "rejected"
    await work(shop)
    assert "same person" not in mailbox.received[-1].text


async def test_an_unconfirmed_request_expires_after_seven_days_exactly(shop: Shop, mailbox: Mailbox) -> None:
    """D2.3.4: to the last millisecond it can be confirmed; then it is expired, and a new one can be filed."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    token = couple.token()
    shop.clock.advance(days=7, milliseconds=-1)
    assert await couple.state(request) == "awaiting_confirmation"
    shop.clock.advance(milliseconds=1)
    assert await couple.state(request) == "expired"
    assert [view.request.id for view in await listed(shop, "expired")] == [request.request.id]
    assert await listed(shop, "awaiting_confirmation") == []
    with pytest.raises(MergeRequestDecided):
        await shop.services.merge_requests.answer(token, agrees=True)
    with pytest.raises(MergeRequestDecided):
        await couple.approve(request)
    shop.clock.advance(seconds=1)
    with pytest.raises(LinkExpired):
        await shop.services.merge_requests.open(token)
    again = await couple.file()
    assert await couple.state(again) == "awaiting_confirmation"
    assert len(await listed(shop, "expired")) == 1


async def test_one_pair_has_one_undecided_request_whoever_asks(shop: Shop, mailbox: Mailbox) -> None:
    """D-28: a second one, even at the same time and from the other side, is refused and names the first."""
    couple = await a_couple(shop, mailbox)
    back = Couple(shop, mailbox, couple.second, couple.applicant)
    found = await asyncio.gather(couple.file(), back.file(), couple.file(), return_exceptions=True)
    filed = [item for item in found if isinstance(item, RequestView)]
    refused = [item for item in found if isinstance(item, MergeRequestOpen)]
    assert (len(filed), len(refused)) == (1, 2)
    assert {error.facts["merge_request_id"] for error in refused} == {filed[0].request.id}


async def test_the_policy_of_the_shop_decides_what_may_be_asked(shop: Shop, mailbox: Mailbox) -> None:
    """S4-062, D-28: off; one person with one address, who needs no second mail; anybody who confirms."""
    couple = await a_couple(shop, mailbox)
    merchants = shop.services.merchants
    for policy in ("off", "same_email"):
        await merchants.set_policies(shop.principal, {"merge_requests": policy})
        with pytest.raises(MergeRequestRefused):
            await couple.file()
    change = {"email": "  NEW@example.org "}
    await shop.services.customers.update(shop.principal, couple.second.id, change)
    request = await couple.file()
    assert (request.request.state, request.request.confirm_until) == ("open", None)
    await couple.approve(request)
    with pytest.raises(ValidationFailed):
        await merchants.set_policies(shop.principal, {"merge_requests": "perhaps"})


async def test_a_request_that_nobody_could_confirm_is_refused(shop: Shop, mailbox: Mailbox) -> None:
    """Without an address, or without a mail server, it would wait for ever; nothing is stored."""
    couple = await a_couple(shop, mailbox)
    await shop.services.customers.update(shop.principal, couple.second.id, {"email": None})
    with pytest.raises(ValidationFailed) as refused:
        await couple.file()
    assert "/requested_for" in str(refused.value.facts["errors"])
    shop.runtime.mail_channel = None
    with pytest.raises(MailUnavailable):
        await couple.file()
    assert await listed(shop, None) == []


async def test_a_request_about_oneself_a_stranger_or_a_merged_customer_is_refused(shop: Shop, mailbox: Mailbox) -> None:
    """As with merges: nothing can be integrated into itself, and who was merged is no account any more."""
    couple = await a_couple(shop, mailbox)
    file = shop.services.merge_requests.file
    with pytest.raises(MergeSelf):
        await file(shop.principal, couple.applicant.id, couple.applicant.id, None)
    with pytest.raises(NotFound):
        await file(shop.principal, couple.applicant.id, "cus_x", None)
    with pytest.raises(ValidationFailed):
        await file(shop.principal, couple.applicant.id, couple.second.id, "two\nlines")
    await shop.merge(couple.applicant.id, couple.second.id)
    with pytest.raises(CardMerged):
        await couple.file()
    with pytest.raises(LinkInvalid):
        await shop.services.merge_requests.open("x")


async def test_a_merge_from_the_inbox_ends_the_request_about_the_same_two(shop: Shop, mailbox: Mailbox) -> None:
    """Staff may merge without waiting; the request is answered by that, not left open."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    merge = await shop.merge(couple.second.id, couple.applicant.id)
    after = await shop.services.merge_requests.get(shop.principal, request.request.id)
    assert (after.request.state, after.request.merge_id) == ("approved", merge["merge_id"])


async def test_erasing_a_customer_forgets_their_requests_and_mails(shop: Shop, mailbox: Mailbox) -> None:
    """I-14: no remark, no waiting mail names the person; the link leads nowhere."""
    couple = await a_couple(shop, mailbox)
    requests = shop.services.merge_requests
    await requests.file(shop.principal, couple.applicant.id, couple.second.id, "Mia Weber moved")
    await shop.services.erasures.erase(shop.principal, couple.second.id)
    assert await listed(shop, None) == []
    assert [job.content for job in await stored(shop, "merge-request")] == [None, None]


async def test_requests_are_listed_for_their_own_merchant(shop: Shop, mailbox: Mailbox) -> None:
    """S4-055: open and processed ones, newest first; another merchant sees none of them."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    stranger = await shop.stranger()
    assert [view.request.id for view in await listed(shop, "awaiting_confirmation")] == [request.request.id]
    page = await shop.services.merge_requests.page(stranger, PageRequest(page_size=10), None)
    assert page.items == ()
    with pytest.raises(NotFound):
        await shop.services.merge_requests.reject(stranger, request.request.id, None)
    with pytest.raises(ValidationFailed):
        await listed(shop, "perhaps")


async def listed(shop: Shop, state: str | None) -> list[RequestView]:
    """All requests in a state."""
    return list((await shop.services.merge_requests.page(shop.principal, PageRequest(page_size=100), state)).items)


async def test_a_link_that_was_mailed_to_a_wrong_address_confirms_nothing_once_it_is_corrected(
    shop: Shop, mailbox: Mailbox
) -> None:
    """D-28: a stranger's mailbox does not hand the account over; the same address written otherwise is the same."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    token = couple.token()
    await shop.services.customers.update(shop.principal, couple.second.id, {"email": " OLD@example.org"})
    assert (await shop.services.merge_requests.open(token)).state == "awaiting_confirmation"
    await shop.services.customers.update(shop.principal, couple.second.id, {"email": "right@example.org"})
    with pytest.raises(LinkInvalid):
        await shop.services.merge_requests.answer(token, agrees=True)
    assert await couple.state(request) == "awaiting_confirmation"


async def test_what_made_a_confirmation_unnecessary_has_to_be_so_at_the_approval(shop: Shop, mailbox: Mailbox) -> None:
    """D-28: filed between accounts of one address; the address, or the policy, changes before staff approve."""
    couple = await a_couple(shop, mailbox, email="new@example.org")
    await shop.services.merchants.set_policies(shop.principal, {"merge_requests": "same_email"})
    request = await couple.file()
    await shop.services.customers.update(shop.principal, couple.second.id, {"email": "other@example.org"})
    with pytest.raises(MergeRequestRefused):
        await couple.approve(request, "other address")
    await shop.services.customers.update(shop.principal, couple.second.id, {"email": "new@example.org"})
    await shop.services.merchants.set_policies(shop.principal, {"merge_requests": "confirmed"})
    with pytest.raises(MergeRequestRefused):
        await couple.approve(request, "other policy")
    assert (await shop.services.customers.get(shop.principal, couple.second.id)).merged_into is None


async def test_an_approval_that_is_repeated_after_an_erasing_is_spent_and_not_unknown(
    shop: Shop, mailbox: Mailbox
) -> None:
    """P3: the key answers for what it did, though nothing is left of the request."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    await shop.services.merge_requests.answer(couple.token(), agrees=True)
    await couple.approve(request)
    await shop.services.erasures.erase(shop.principal, couple.applicant.id)
    with pytest.raises(IdempotencyKeySpent):
        await couple.approve(request)


async def test_a_merge_ends_the_other_requests_of_whoever_is_absorbed(shop: Shop, mailbox: Mailbox) -> None:
    """The one who was asked is no account any more: the link says so, and nothing waits for staff."""
    couple = await a_couple(shop, mailbox)
    request = await couple.file()
    token = couple.token()
    third = await shop.card()
    await shop.merge(third["customer_id"], couple.second.id)
    assert await couple.state(request) == "rejected"
    assert (await shop.services.merge_requests.open(token)).state == "rejected"
    assert await listed(shop, "awaiting_confirmation") == []
