"""Rights and scopes: what a key with the scopes of earlier releases may do, and what a single right opens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import httpx
import pytest

from tests.fakes import FakeServices
from walletd.domain.errors import Forbidden, StorageFull
from walletd.domain.merchants.principals import SCOPES, Principal, PrincipalKind, Right, rights_of
from walletd.web.api.endpoint import OPT, Endpoint
from walletd.web.api.routes import ROUTES

_BEFORE: Final = {
    "cards:read": (
        "download_pass download_statement link_to_google list_cards list_deliveries list_entries "
        "list_programs read_account read_card read_card_by_key read_program read_redemption read_statement "
        "read_transaction"
    ),
    "cards:write": ("delete_card issue_card reinstate_card revoke_card rewrite_key rewrite_keys send_message"),
    "ledger:write": (
        "book_transaction capture_redemption release_redemption report_order reserve_redemption reverse_transaction"
    ),
    "customers:read": (
        "count_customers export_customers list_customers list_duplicates list_merge_requests list_orders "
        "preview_merge read_customer read_history read_merge read_merge_request read_order read_quick_infos"
    ),
    "customers:write": (
        "approve_merge_request block_redemption change_customer confirm_duplicate confirm_opt_in "
        "create_customer deactivate deactivate_without_opt_in dismiss_duplicate file_merge_request "
        "merge_customers merge_obvious reactivate reject_merge_request resume_loyalty revoke_opt_in "
        "send_opt_in suspend_loyalty unblock_redemption undo_deactivation undo_merge"
    ),
    "admin": (
        "change_program commit_import create_program create_webhook delete_webhook download_import_template "
        "download_liability enable_webhook erase_customer export_customer export_transactions "
        "list_import_rows list_messages list_webhooks read_audit read_checkpoint read_import read_liability "
        "read_webhook replay_messages rotate_secret send_test upload_import"
    ),
}
"""Which scope each operation asked for when scopes were all there was; operations made since then have none."""


def _endpoints() -> dict[str, Endpoint]:
    return {handler.fn.__name__: handler.opt[OPT] for handler in ROUTES}


def _may(grant: str, endpoint: Endpoint) -> bool:
    try:
        Principal("mer_1", PrincipalKind.API_KEY, "key_1", "till", rights_of([grant])).require(endpoint.right)
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_with_a_scope_may_do_what_it_could_before_there_were_rights(scope: str) -> None:
    """Each scope opens exactly the operations that asked for it; admin opens all."""
    asked = {operation: before for before, operations in _BEFORE.items() for operation in operations.split()}
    open_now = {name for name, endpoint in _endpoints().items() if name in asked and _may(scope, endpoint)}
    assert open_now == {name for name, before in asked.items() if scope in {before, "admin"}}


def test_every_right_opens_a_route_and_stands_in_one_small_scope_at_most() -> None:
    """A right that opens nothing would be granted for nothing; in two scopes, one of them would open too much."""
    assert {endpoint.right for endpoint in _endpoints().values()} == set(Right)
    small = [right for scope, rights in SCOPES.items() if scope != "admin" for right in rights]
    assert len(small) == len(set(small))


def test_a_name_that_this_release_does_not_know_grants_nothing() -> None:
    """A key that a later release made with a new right is still a key, with the rights that are known here."""
    assert rights_of(["verify", "cards.read"]) == {Right.CARDS_READ}


async def test_a_key_with_a_single_right_does_that_and_nothing_beside_it(
    client: httpx.AsyncClient, services: FakeServices, key: Callable[..., dict[str, str]]
) -> None:
    """`cards.revoke` revokes; issuing is refused, and the answer names the right and the scope that has it."""
    services.refuse_everything(StorageFull())
    headers = key("cards.revoke")
    assert (await client.post("/api/v1/cards/x/revoke", headers=headers, json={"reason": "lost"})).status_code == 503
    refused = (await client.post("/api/v1/cards", headers=headers)).json()
    assert (refused["code"], refused["right"], refused["scope"]) == ("forbidden", "cards.issue", "cards:write")
    assert refused["detail"] == "This API key lacks the right cards.issue."
