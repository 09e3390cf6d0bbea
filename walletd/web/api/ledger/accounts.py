"""Routes of accounts: balances and history."""

from __future__ import annotations

from typing import Final

from litestar import get
from litestar.params import FromPath

from walletd.domain.errors import LoyaltySuspended
from walletd.domain.ledger.documents import account_document, entry_document
from walletd.domain.merchants.principals import Right
from walletd.web.api.endpoint import OPT, ApiRequest, Endpoint
from walletd.web.api.examples import ACCOUNT, ENTRY
from walletd.web.api.ledger.answers import AccountAnswer, EntryAnswer
from walletd.web.api.reading import name_in_path, narrowed_page_of, services_of
from walletd.web.api.replies import Reply, json_reply, page_reply

_CARD: Final = {"card": "Serial number of a card: what was booked by it alone, on an account that several share."}
READ: Final = Endpoint(
    "Read an account", right=Right.CARDS_READ, answer=AccountAnswer, errors=(LoyaltySuspended,), example=ACCOUNT
)
ENTRIES: Final = Endpoint(
    "List the entries of an account",
    right=Right.CARDS_READ,
    answer=EntryAnswer,
    paged=True,
    query=_CARD,
    errors=(LoyaltySuspended,),
    example=ENTRY,
)


@get("/accounts/{account_id:str}", opt={OPT: READ})
async def read_account(request: ApiRequest, account_id: FromPath[str]) -> Reply:
    """Return the balances of an account."""
    account, figures = await services_of(request).accounts.get(request.auth, name_in_path(account_id))
    return json_reply(account_document(account, figures))


@get("/accounts/{account_id:str}/entries", opt={OPT: ENTRIES})
async def list_entries(request: ApiRequest, account_id: FromPath[str]) -> Reply:
    """Return the history of an account, page by page."""
    wanted, chosen = narrowed_page_of(request, _CARD)
    accounts = services_of(request).accounts
    page = await accounts.entries(request.auth, name_in_path(account_id), wanted, chosen.get("card"))
    return page_reply(page, lambda line: entry_document(*line))
