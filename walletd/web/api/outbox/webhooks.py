"""Routes of webhooks: where a merchant's own programs are told what happened."""

from __future__ import annotations

from typing import Final

from litestar import delete, get, post
from litestar.params import FromPath

from walletd.domain import errors
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.outbox.examples import MESSAGE, REPLAY, REPLAYED, WEBHOOK, WEBHOOK_NEW, WEBHOOK_SECRET
from walletd.web.api.outbox.requests import Replay, WebhookNew
from walletd.web.api.outbox.webhook_answers import (
    MessageAnswer,
    ReplayAnswer,
    WebhookAnswer,
    WebhookSecretAnswer,
    message_answer,
    webhook_answer,
    webhook_secret_answer,
)
from walletd.web.api.reading import body_of, name_in_path, optional_body_of, page_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply

CREATE: Final = Endpoint(
    "Create a webhook",
    right=Right.SYSTEM_WRITE,
    status=201,
    body=WebhookNew,
    answer=WebhookSecretAnswer,
    errors=(errors.WebhookTargetRefused,),
    example_body=WEBHOOK_NEW,
    example=WEBHOOK_SECRET,
)
LIST: Final = Endpoint("List webhooks", right=Right.SYSTEM_READ, answer=WebhookAnswer, paged=True, example=WEBHOOK)
READ: Final = Endpoint("Read a webhook", right=Right.SYSTEM_READ, answer=WebhookAnswer, example=WEBHOOK)
DELETE: Final = Endpoint("Delete a webhook", right=Right.SYSTEM_WRITE, answer=WebhookAnswer, example=WEBHOOK)
ENABLE: Final = Endpoint("Enable a webhook", right=Right.SYSTEM_WRITE, answer=WebhookAnswer, example=WEBHOOK)
ROTATE: Final = Endpoint(
    "Exchange the secret of a webhook", right=Right.SYSTEM_WRITE, answer=WebhookSecretAnswer, example=WEBHOOK_SECRET
)
TEST: Final = Endpoint(
    "Send a test message",
    right=Right.SYSTEM_WRITE,
    status=201,
    answer=MessageAnswer,
    errors=(errors.WebhookDisabled,),
    example=MESSAGE,
)
MESSAGES: Final = Endpoint(
    "List the messages to a webhook", right=Right.SYSTEM_READ, answer=MessageAnswer, paged=True, example=MESSAGE
)
REPLAY_MESSAGES: Final = Endpoint(
    "Send messages of a webhook again",
    right=Right.SYSTEM_WRITE,
    body=Replay,
    answer=ReplayAnswer,
    errors=(errors.WebhookDisabled,),
    example_body=REPLAY,
    example=REPLAYED,
)


@post("/webhooks", opt={OPT: CREATE})
async def create_webhook(request: ApiRequest) -> Reply:
    """Create an endpoint; its `secret` verifies signatures (Standard Webhooks) and is shown this once."""
    new = await body_of(request, WebhookNew)
    webhooks = services_of(request).webhooks
    return json_reply(
        webhook_secret_answer(*await webhooks.create(request.auth, new.url, new.events, new.description)), 201
    )


@get("/webhooks", opt={OPT: LIST})
async def list_webhooks(request: ApiRequest) -> Reply:
    """Return the merchant's endpoints, page by page."""
    return page_reply(await services_of(request).webhooks.list(request.auth, page_of(request)), webhook_answer)


@get("/webhooks/{webhook_id:str}", opt={OPT: READ})
async def read_webhook(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Return one endpoint, and whether it is called at present."""
    return json_reply(webhook_answer(await services_of(request).webhooks.get(request.auth, name_in_path(webhook_id))))


@delete("/webhooks/{webhook_id:str}", status_code=200, opt={OPT: DELETE})
async def delete_webhook(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Forget an endpoint with its secret; what was still to be sent is not sent."""
    webhooks, name = services_of(request).webhooks, name_in_path(webhook_id)
    endpoint = await webhooks.get(request.auth, name)
    await webhooks.delete(request.auth, name)
    return json_reply(webhook_answer(endpoint))


@post("/webhooks/{webhook_id:str}/enable", status_code=200, opt={OPT: ENABLE})
async def enable_webhook(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Call an endpoint again that was disabled by its answer 410, or that is paused, without waiting."""
    return json_reply(
        webhook_answer(await services_of(request).webhooks.enable(request.auth, name_in_path(webhook_id)))
    )


@post("/webhooks/{webhook_id:str}/rotate-secret", status_code=200, opt={OPT: ROTATE})
async def rotate_secret(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Give an endpoint a new secret; for 24 hours messages carry the signatures of both."""
    changed = await services_of(request).webhooks.rotate_secret(request.auth, name_in_path(webhook_id))
    return json_reply(webhook_secret_answer(*changed))


@post("/webhooks/{webhook_id:str}/test", opt={OPT: TEST})
async def send_test(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Queue a message of the type `webhook.test`."""
    message = await services_of(request).webhooks.test(request.auth, name_in_path(webhook_id))
    return json_reply(message_answer(message), 201)


@get("/webhooks/{webhook_id:str}/deliveries", opt={OPT: MESSAGES})
async def list_messages(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Return what was sent and what is to be sent, the newest first; `search=dead` shows the dead letters."""
    page = await services_of(request).webhooks.messages(request.auth, name_in_path(webhook_id), page_of(request))
    return page_reply(page, message_answer)


@post("/webhooks/{webhook_id:str}/replay", status_code=200, opt={OPT: REPLAY_MESSAGES})
async def replay_messages(request: ApiRequest, webhook_id: FromPath[str]) -> Reply:
    """Send all dead letters again, or the message that `message_id` names; each has 72 hours once more."""
    wanted = (await optional_body_of(request, Replay)).message_id
    count = await services_of(request).webhooks.replay(request.auth, name_in_path(webhook_id), wanted)
    return json_reply(ReplayAnswer(messages=count))
