"""The fake Google Wallet is honest: Google's own client library works with it, and meets the real refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from typing import Any

import httpx
import pytest
import pytest_asyncio
from google.oauth2 import service_account
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]

from tests.wallets.google.samples import CLASS_ID, FACES, ISSUER, OBJECT_ID, TEMPLATES, a_class, an_object
from tests.wallets.google.serving import Served, a_fake_google
from walletd.demo.google.errors import ApiError
from walletd.demo.google.faults import Fault, GoogleFaults
from walletd.wallets.google.names import RESOURCES

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    """A fake Google on this machine."""
    async with a_fake_google() as running:
        yield running


@contextmanager
def client(served: Served) -> Iterator[Any]:
    """Google's own client, pointed at the fake: it exchanges a real assertion for a token first."""
    info, scopes = served.account, [SCOPE]
    credentials = service_account.Credentials.from_service_account_info(info, scopes=scopes)  # type: ignore[no-untyped-call]
    options = {"api_endpoint": f"{served.url}/"}
    service = build("walletobjects", "v1", credentials=credentials, client_options=options, cache_discovery=False)
    try:
        yield service
    finally:
        service.close()


def reason(error: HttpError) -> tuple[int, str]:
    """The status and the reason of a refusal."""
    return error.resp.status, json.loads(error.content)["error"]["errors"][0]["reason"]


@pytest.mark.parametrize("kind", sorted(FACES))
async def test_the_client_of_google_writes_and_reads_each_kind(served: Served, kind: str) -> None:
    """Insert, get, patch and list through the library that shops use, for all kinds."""

    def work() -> tuple[Any, Any, Any]:
        resource = RESOURCES[kind].lower()
        with client(served) as service:
            classes, objects = getattr(service, f"{resource}class")(), getattr(service, f"{resource}object")()
            classes.insert(body=a_class(TEMPLATES[kind])).execute()
            objects.insert(body=an_object(TEMPLATES[kind], FACES[kind])).execute()
            objects.patch(resourceId=OBJECT_ID, body={"state": "EXPIRED"}).execute()
            listed = objects.list(classId=CLASS_ID, maxResults=5).execute()
            return classes.get(resourceId=CLASS_ID).execute(), objects.get(resourceId=OBJECT_ID).execute(), listed

    read_class, read_object, listed = await asyncio.to_thread(work)
    assert read_class["reviewStatus"] == "APPROVED"
    assert read_object["state"] == "EXPIRED"
    assert read_object["classReference"]["id"] == CLASS_ID
    assert [item["id"] for item in listed["resources"]] == [OBJECT_ID]


async def test_refusals_have_the_status_and_reason_of_the_real_api(served: Served) -> None:
    """409 for what exists, 404 for what does not, 400 for what is wrong, 403 for another's issuer (G3.5)."""
    template = TEMPLATES["loyalty"]
    good = an_object(template, FACES["loyalty"])

    def work() -> list[tuple[int, str]]:
        found = list[tuple[int, str]]()
        with client(served) as service:
            classes, objects = service.loyaltyclass(), service.loyaltyobject()
            inserted = classes.insert(body=a_class(template))
            for request in (
                objects.insert(body=good),
                objects.patch(resourceId=OBJECT_ID, body={"state": "ACTIVE"}),
                classes.insert(body=a_class(template) | {"id": "no-issuer"}),
                classes.insert(body=a_class(template) | {"id": "1234.foreign"}),
                classes.insert(body=a_class(template) | {"reviewStatus": "APPROVED"}),
                inserted,
                classes.insert(body=a_class(template)),
                classes.patch(resourceId=CLASS_ID, body={}),
            ):
                try:
                    request.execute()
                except HttpError as error:
                    found.append(reason(error))
        return found

    assert await asyncio.to_thread(work) == [
        (404, "IssuerClassNotFound"),
        (404, "resourceNotFound"),
        (400, "invalidResource"),
        (403, "permissionDenied"),
        (400, "invalidResource"),
        (409, "conflict"),
        (400, "invalidResource"),
    ]


async def test_a_fourth_notification_within_a_day_is_refused_with_the_real_words(served: Served) -> None:
    """Fields and messages have three each; without notification a write always goes (G5)."""
    template = TEMPLATES["loyalty"]
    served.google.store.insert("loyaltyClass", a_class(template))
    served.google.store.insert("loyaltyObject", an_object(template, FACES["loyalty"]))

    def work() -> list[tuple[int, str]]:
        refusals = list[tuple[int, str]]()
        with client(served) as service:
            objects = service.loyaltyobject()
            for points in range(1, 5):
                body = {"loyaltyPoints": {"balance": {"int": points}}, "notifyPreference": "NOTIFY_ON_UPDATE"}
                message = {"message": {"header": "h", "body": "b", "messageType": "TEXT_AND_NOTIFY"}}
                for request in (
                    objects.patch(resourceId=OBJECT_ID, body=body),
                    objects.addmessage(resourceId=OBJECT_ID, body=message),
                ):
                    try:
                        request.execute()
                    except HttpError as error:
                        refusals.append(reason(error))
            objects.patch(resourceId=OBJECT_ID, body={"loyaltyPoints": {"balance": {"int": 9}}}).execute()
        return refusals

    assert await asyncio.to_thread(work) == [(403, "quotaExceeded")] * 2
    stored = served.google.store.items[OBJECT_ID].body
    assert stored["loyaltyPoints"]["balance"] == {"int": 9}
    assert "notifyPreference" not in stored
    assert len(stored["messages"]) == 3


def test_more_requests_than_the_limit_in_a_second_are_refused() -> None:
    """Twenty a second, for example; the twenty-first is 429."""
    faults, refused = GoogleFaults(per_second=20), 0
    for _ in range(25):
        try:
            faults.begin("GET", "/walletobjects/v1/loyaltyClass/1.x")
        except ApiError as error:
            refused += error.status == 429
    assert refused == 5


async def test_a_lost_reply_carries_the_request_out(served: Served) -> None:
    """The connection breaks, and what was asked for is done: what the next attempt meets is 409."""
    served.google.faults.play(Fault(lost=True))

    def work() -> tuple[int, str]:
        body = a_class(TEMPLATES["loyalty"])
        with client(served) as service, pytest.raises((IncompleteRead, OSError)):
            service.loyaltyclass().insert(body=body).execute()
        with client(served) as service, pytest.raises(HttpError) as refused:
            service.loyaltyclass().insert(body=body).execute()
        return reason(refused.value)

    assert await asyncio.to_thread(work) == (409, "conflict")


async def test_an_account_that_google_does_not_know_gets_no_token(served: Served) -> None:
    """The assertion is proved against the registered key, its audience and its time."""
    async with httpx.AsyncClient(base_url=served.url) as connected:
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        answer = await connected.post("/token", data={"grant_type": grant, "assertion": "a.b.c"})
        call = await connected.get(f"/walletobjects/v1/loyaltyClass/{ISSUER}.x")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert call.status_code == 401
