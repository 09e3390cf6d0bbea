"""Routes of cards: issue, look up, the pass of a card and what its phones were told."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from litestar import get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.cards.rotating_codes import RotatingCodeRefused
from walletd.domain.customers.erasures import CustomerIsErased
from walletd.domain.customers.merges import CardMerged
from walletd.domain.delivery.wallet_errors import WalletUnavailable
from walletd.domain.ledger.documents import card_document
from walletd.domain.merchants.principals import Right
from walletd.services.delivery.messages import NewMessage
from walletd.web.api.cards.answers import (
    CardAnswer,
    CardMessageAnswer,
    DeliveriesAnswer,
    GoogleAnswer,
    delivery_answer,
    google_answer,
)
from walletd.web.api.cards.examples import (
    CARD_NEW,
    CARD_REVOKED,
    DELIVERIES,
    GOOGLE_LINK,
    MESSAGE_NEW,
    MESSAGE_SENT,
    REASON,
)
from walletd.web.api.cards.requests import CardMessageNew, CardNew, CardReason
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import CARD
from walletd.web.api.reading import body_of, idempotency_key, name_in_path, page_of, services_of
from walletd.web.api.replies import Reply, answer_reply, json_reply, page_reply
from walletd.web.wallets.passes import PKPASS, pass_headers

ISSUE: Final = Endpoint(
    "Issue a card",
    right=Right.CARDS_ISSUE,
    status=201,
    body=CardNew,
    answer=CardAnswer,
    idempotency_key="optional",
    errors=(
        errors.NotFound,
        errors.CardKeyTaken,
        errors.CustomerNumberTaken,
        CardMerged,
        CustomerIsErased,
        errors.CardIsDeleted,
        errors.CardIsRevoked,
        errors.SigningUnavailable,
        errors.TemplateInvalid,
    ),
    example_body=CARD_NEW,
    example=CARD,
)
LIST: Final = Endpoint("List cards", right=Right.CARDS_READ, answer=CardAnswer, paged=True, example=CARD)
READ: Final = Endpoint("Read a card", right=Right.CARDS_READ, answer=CardAnswer, example=CARD)
BY_KEY: Final = Endpoint(
    "Look a card up by its key",
    right=Right.CARDS_READ,
    answer=CardAnswer,
    errors=(errors.CardKeyReplaced, errors.LoyaltySuspended, RotatingCodeRefused),
    example=CARD,
)
REVOKE: Final = Endpoint(
    "Revoke a card",
    right=Right.CARDS_REVOKE,
    body=CardReason,
    answer=CardAnswer,
    errors=(errors.CardIsDeleted,),
    example_body=REASON,
    example=CARD_REVOKED,
)
REINSTATE: Final = replace(REVOKE, summary="Reinstate a revoked card", example=CARD)
MESSAGE: Final = Endpoint(
    "Send a message to the holder of a card",
    right=Right.MESSAGES_SEND,
    status=201,
    body=CardMessageNew,
    answer=CardMessageAnswer,
    idempotency_key="optional",
    errors=(CardMerged, errors.CardIsRevoked, errors.CardIsDeleted),
    example_body=MESSAGE_NEW,
    example=MESSAGE_SENT,
)
GOOGLE: Final = Endpoint(
    "Get the Google Wallet link of a card",
    right=Right.CARDS_READ,
    answer=GoogleAnswer,
    errors=(errors.SigningUnavailable, WalletUnavailable, errors.TemplateInvalid),
    example=GOOGLE_LINK,
)
PASS: Final = Endpoint(
    "Download the pass of a card",
    right=Right.CARDS_READ,
    media_type=PKPASS,
    errors=(errors.SigningUnavailable, errors.TemplateInvalid),
)
DELIVERED: Final = Endpoint(
    "Read what the phones of a card were told", right=Right.CARDS_READ, answer=DeliveriesAnswer, example=DELIVERIES
)


@post("/cards", opt={OPT: ISSUE})
async def issue_card(request: ApiRequest) -> Reply:
    """Issue a card to an existing customer or to one created with it; `add_url` brings it onto a phone."""
    new = (await body_of(request, CardNew)).as_domain()
    answer = await services_of(request).cards.issue(request.auth, new, idempotency_key(request))
    return answer_reply(answer)


@get("/cards", opt={OPT: LIST})
async def list_cards(request: ApiRequest) -> Reply:
    """Return the merchant's cards, page by page."""
    page = await services_of(request).cards.list(request.auth, page_of(request))
    return page_reply(page, card_document)


@get("/cards/{serial_number:str}", opt={OPT: READ})
async def read_card(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Return one card by its serial number."""
    view = await services_of(request).cards.get(request.auth, name_in_path(serial_number))
    return json_reply(card_document(view))


@get("/cards/by-key/{key:path}", opt={OPT: BY_KEY})
async def read_card_by_key(request: ApiRequest) -> Reply:
    """Return the card whose barcode a till has read; the key is percent-encoded, a slash in it too."""
    # Taken as it was sent: Litestar's path parameter loses slashes at the end and one of two.
    raw_path = request.scope["raw_path"].partition(b"?")[0]
    key = unquote(raw_path.partition(b"/by-key/")[2].decode("latin-1"))
    view = await services_of(request).cards.by_key(request.auth, name_in_path(key))
    return json_reply(card_document(view))


DELETE: Final = replace(
    REVOKE, summary="Delete a card for good", errors=(CardMerged,), example={**CARD, "status": "deleted"}
)


@post("/cards/{serial_number:str}/revoke", status_code=200, opt={OPT: REVOKE})
async def revoke_card(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Let nothing be booked on a card from now on; its pass becomes void on every phone."""
    body = await body_of(request, CardReason)
    view = await services_of(request).cards.revoke(request.auth, name_in_path(serial_number), body.reason)
    return json_reply(card_document(view))


@post("/cards/{serial_number:str}/reinstate", status_code=200, opt={OPT: REINSTATE})
async def reinstate_card(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Give a revoked card the state back that it had."""
    body = await body_of(request, CardReason)
    view = await services_of(request).cards.reinstate(request.auth, name_in_path(serial_number), body.reason)
    return json_reply(card_document(view))


@post("/cards/{serial_number:str}/delete", status_code=200, opt={OPT: DELETE})
async def delete_card(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """End a card: nothing is booked by it again, its pass is void. Its holder still has to remove it from the phone."""
    body = await body_of(request, CardReason)
    view = await services_of(request).cards.delete(request.auth, name_in_path(serial_number), body.reason)
    return json_reply(card_document(view))


@get("/cards/{serial_number:str}/pass.pkpass", opt={OPT: PASS})
async def download_pass(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Return the signed pass as a phone would get it."""
    file = await services_of(request).passes.of_card(request.auth, name_in_path(serial_number))
    return Reply(file.content, media_type=PKPASS, headers=pass_headers(file))


@get("/cards/{serial_number:str}/deliveries", opt={OPT: DELIVERED})
async def list_deliveries(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Return, per phone, which update was published, accepted by the platform, asked about and fetched."""
    deliveries = await services_of(request).deliveries.of_card(request.auth, name_in_path(serial_number))
    return json_reply(DeliveriesAnswer(items=[delivery_answer(delivery) for delivery in deliveries]))


@post("/cards/{serial_number:str}/message", opt={OPT: MESSAGE})
async def send_message(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Tell the holder something: the pass shows it and announces it, Google Wallet gets it as a message."""
    body = await body_of(request, CardMessageNew)
    new = NewMessage(name_in_path(serial_number), body.header, body.body, body.notify)
    return answer_reply(await services_of(request).messages.send(request.auth, new, idempotency_key(request)))


@get("/cards/{serial_number:str}/google", opt={OPT: GOOGLE})
async def link_to_google(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Bring the card to Google, and return a fresh link by which a person saves it, with how it stands there."""
    objects, serial_number = services_of(request).wallet_objects, name_in_path(serial_number)
    link = await objects.link_of_card(request.auth, "google", serial_number)
    status = next(item for item in await objects.statuses(request.auth, serial_number) if item.wallet == "google")
    return json_reply(google_answer(link, status))
