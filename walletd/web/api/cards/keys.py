"""Routes of new keys for cards: the barcode changes, the serial number stays (D-02)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from litestar import post, put
from litestar.params import FromPath
from msgspec import Meta, Struct

from walletd.domain import errors
from walletd.domain.cards.keys import ROWS_MAX, OldKey, Rewrite, RewritePlan, RewritesRefused, Rewritten
from walletd.domain.customers.merges import CardMerged
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import Example
from walletd.web.api.reading import body_of, name_in_path, services_of
from walletd.web.api.replies import Reply, json_reply

_OLD_KEY = Annotated[
    Literal["redirect", "retire"],
    Meta(description="redirect: the old key leads to the card still. retire: a till that reads it is refused."),
]
_REASON = Annotated[str, Meta(min_length=1, max_length=200, description="Kept in the audit log.")]
_KEY = Annotated[str, Meta(min_length=1, max_length=64)]


class KeyNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """A new key for a card."""

    key: _KEY
    reason: _REASON
    old_key: _OLD_KEY = "redirect"


class KeyRow(Struct, kw_only=True, forbid_unknown_fields=True):
    """One card of a list, by its serial number or one of its keys, and its new key."""

    card: Annotated[str, Meta(min_length=1, max_length=64)]
    key: _KEY


class KeysNew(Struct, kw_only=True, forbid_unknown_fields=True):
    """New keys for many cards; all of them or none."""

    rows: Annotated[list[KeyRow], Meta(min_length=1, max_length=ROWS_MAX)]
    reason: _REASON
    old_key: _OLD_KEY = "redirect"
    dry_run: Annotated[bool, Meta(description="true only says what would change.")] = False


class KeyAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """A card that has, or would have, another key; where nothing changes, `old_key` and `key` are the same."""

    serial_number: str
    old_key: str
    key: str


class KeysAnswer(Struct, kw_only=True, forbid_unknown_fields=True):
    """All cards of a list."""

    items: list[KeyAnswer]
    dry_run: bool


_SERIAL: Final = "mfrggzdfmztwq2lknnwg23tpob"
_ROW: Final[Example] = {"serial_number": _SERIAL, "old_key": "7K3M9P2R5T8V1X4ZH", "key": "100045"}
_AGAIN: Final[Example] = {"serial_number": _SERIAL, "old_key": "100045", "key": "100046"}
_REFUSED: Final = (errors.CardKeyTaken, CardMerged, errors.CardIsRevoked, errors.CardIsDeleted)
REWRITE: Final = Endpoint(
    "Rewrite the key of a card",
    right=Right.CARDS_REWRITE_KEY,
    body=KeyNew,
    answer=KeyAnswer,
    errors=_REFUSED,
    example_body={"key": "100045", "reason": "number of the old plastic card"},
    example=_ROW,
)
REWRITE_ALL: Final = Endpoint(
    "Rewrite the keys of many cards",
    right=Right.CARDS_REWRITE_KEY,
    body=KeysNew,
    answer=KeysAnswer,
    errors=(RewritesRefused, errors.CardKeyTaken),
    example_body={"rows": [{"card": "100045", "key": "100046"}], "reason": "new till", "dry_run": True},
    example={"items": [_AGAIN], "dry_run": True},
)


@put("/cards/{serial_number:str}/key", opt={OPT: REWRITE})
async def rewrite_key(request: ApiRequest, serial_number: FromPath[str]) -> Reply:
    """Give a card another barcode; its serial number stays, every phone is told, and the old key still resolves."""
    body = await body_of(request, KeyNew)
    wanted = Rewrite(name_in_path(serial_number), body.key)
    plan = RewritePlan(body.reason, OldKey(body.old_key))
    return json_reply(_answer(await services_of(request).card_keys.rewrite(request.auth, wanted, plan)))


@post("/cards/rewrite-keys", status_code=200, opt={OPT: REWRITE_ALL})
async def rewrite_keys(request: ApiRequest) -> Reply:
    """Give many cards other keys, or say what would change; the same list again does what is left."""
    body = await body_of(request, KeysNew)
    rows = [Rewrite(row.card, row.key) for row in body.rows]
    plan = RewritePlan(body.reason, OldKey(body.old_key))
    done = await services_of(request).card_keys.rewrite_all(request.auth, rows, plan, dry_run=body.dry_run)
    return json_reply(KeysAnswer(items=[_answer(item) for item in done], dry_run=body.dry_run))


def _answer(done: Rewritten) -> KeyAnswer:
    return KeyAnswer(serial_number=done.serial_number, old_key=done.old_key, key=done.key)
