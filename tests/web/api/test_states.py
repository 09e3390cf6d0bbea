"""The values that the API documents are those that the domain knows."""

from __future__ import annotations

from enum import StrEnum
from typing import get_args

import msgspec
import pytest

from walletd.domain.cards.keys import OldKey
from walletd.domain.customers.consent import OptInState
from walletd.domain.customers.matching import DuplicateState
from walletd.domain.customers.merge_requests import MergeRequestState
from walletd.domain.customers.merges import MergeState
from walletd.domain.delivery.publishing import PhoneState
from walletd.domain.exchange.imports import ImportState
from walletd.domain.outbox.webhooks import EndpointState, MessageState
from walletd.web.api.cards.answers import DeliveryAnswer
from walletd.web.api.cards.keys import KeyNew
from walletd.web.api.customers.answers import OptInAnswer
from walletd.web.api.customers.duplicates import DuplicateAnswer
from walletd.web.api.customers.merge_answers import MergeAnswer
from walletd.web.api.customers.merge_requests import MergeRequestAnswer
from walletd.web.api.exchange.import_answers import ImportAnswer
from walletd.web.api.outbox.webhook_answers import MessageAnswer, WebhookAnswer


@pytest.mark.parametrize(
    ("answer", "states"),
    [
        (DeliveryAnswer, PhoneState),
        (OptInAnswer, OptInState),
        (DuplicateAnswer, DuplicateState),
        (MergeAnswer, MergeState),
        (MergeRequestAnswer, MergeRequestState),
        (ImportAnswer, ImportState),
        (MessageAnswer, MessageState),
        (WebhookAnswer, set(EndpointState) - {EndpointState.DELETED}),
    ],
)
def test_the_description_of_a_state_names_every_one(answer: type[msgspec.Struct], states: type[StrEnum]) -> None:
    """Who reads a state finds it in the OpenAPI document; a deleted endpoint is not answered any more."""
    schema = msgspec.json.schema(answer)["$defs"][answer.__name__]["properties"]["state"]
    assert [state for state in states if state not in schema["description"]] == []


def test_what_becomes_of_an_old_key_can_be_chosen_in_the_request() -> None:
    """The choices of the request are those of the domain."""
    (field,) = (field for field in msgspec.structs.fields(KeyNew) if field.name == "old_key")
    assert set(get_args(get_args(field.type)[0])) == set(OldKey)
