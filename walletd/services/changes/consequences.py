"""What follows each kind of change: the one table that the recorder works from.

A new consequence of all changes is a new column here; a new change is a new row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from walletd.domain.cards import changes as cards
from walletd.domain.changes import Change
from walletd.domain.customers import changes as customers
from walletd.domain.delivery.publishing import CHANGED, MANY
from walletd.domain.exchange import changes as exchange
from walletd.domain.ledger import changes as ledger
from walletd.domain.merchants import changes as merchants
from walletd.domain.outbox import changes as outbox
from walletd.domain.promotions import changes as promotions
from walletd.services.changes.webhook_events import TOPIC as WEBHOOKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What follows a change. Names in columns are attributes of the change; without any a column has no effect."""

    action: str = ""
    """Of the audit entry; `{change.state}` is filled in."""
    subject: str = "id"
    """What the audit entry is about."""
    details: tuple[str, ...] | str = ()
    """Of the audit entry: one by one, or a mapping that is all of them."""
    event: str = ""
    """Of the webhook message."""
    about: str = ""
    """What the message is about."""
    content: tuple[str, ...] | None = ()
    """What the message says; None for one that is filled in when its turn comes."""
    marks: str = ""
    """What is published anew: `cards`, `customers` or `accounts`. Whoever publishes wakes, and passes of these cards
    that are remembered in memory are forgotten, both once the change is committed."""
    marked: str = ""
    """The attribute that names them: an id, or several."""
    urgency: int | None = CHANGED
    """How soon, see `domain/delivery/publishing.py`; None where the change itself has an `urgency`."""
    wakes: tuple[str, ...] = ()
    """Topics that are announced once the change is committed."""


_OF_CARD: Final = ("serial_number", "program_id", "customer_id", "account_id")
_OF_MERGE: Final = (
    *("merge_id", "identity_survivor", "number_survivor", "absorbed"),
    *("survivor_number", "absorbed_number"),
)


def _on_card(name: str, *details: str, marks: bool) -> Consequences:
    """Return what follows a change of a card: audit entry and message have the same name."""
    return Consequences(
        action=name,
        subject="serial_number",
        details=details,
        event=name,
        about="serial_number",
        content=_OF_CARD,
        marks="cards" if marks else "",
        marked="serial_number" if marks else "",
    )


def _audited(action: str, *details: str, subject: str = "id") -> Consequences:
    """Return what follows a change that only the audit log tells of."""
    return Consequences(action=action, subject=subject, details=details)


CONSEQUENCES: Final[Mapping[type[Change], Consequences]] = {
    # cards
    cards.CardIssued: _on_card("card.issued", "program_id", marks=True),
    cards.CardInstalled: _on_card("card.installed", marks=False),
    cards.CardUninstalled: _on_card("card.uninstalled", marks=False),
    cards.CardRevoked: _on_card("card.revoked", "reason", marks=True),
    cards.CardReinstated: _on_card("card.reinstated", "reason", marks=True),
    cards.CardDeleted: _on_card("card.deleted", "reason", marks=True),
    cards.CardKeyRewritten: Consequences(
        action="card.key_rewritten",
        subject="serial_number",
        details=("reason", "old_key"),
        event="card.key_rewritten",
        about="serial_number",
        content=_OF_CARD,
        marks="cards",
        marked="shown_by",
    ),
    cards.CardMessageSent: Consequences(
        action="card.message_sent",
        subject="serial_number",
        details=("message_id",),
        marks="cards",
        marked="serial_number",
    ),
    cards.ProgramCreated: _audited("program.created", "kind"),
    cards.ProgramChanged: _audited("program.changed"),
    # accounts
    ledger.AccountChanged: Consequences(
        event="account.changed", about="account_id", content=None, marks="accounts", marked="account_id", urgency=None
    ),
    ledger.ExpiryNear: Consequences(marks="accounts", marked="account_id"),
    ledger.TransactionBooked: _audited("transaction.booked", "type", subject="transaction_id"),
    ledger.TransactionReversed: _audited("transaction.reversed", "corrects", subject="transaction_id"),
    ledger.RedemptionReserved: _audited("redemption.reserved", "amount", subject="code"),
    ledger.RedemptionCaptured: _audited("redemption.captured", "amount", subject="transaction_id"),
    ledger.RedemptionReleased: _audited("redemption.released", "amount", subject="code"),
    ledger.CheckpointMade: Consequences(event="ledger.checkpoint", about="number", content=("number", "checkpoint")),
    # customers
    customers.CustomerCreated: _audited("customer.created"),
    customers.CustomerChanged: Consequences(
        action="customer.changed", details=("fields",), marks="customers", marked="id"
    ),
    customers.CustomerFlagged: Consequences(action="customer.flagged", details="flag", marks="customers", marked="id"),
    customers.CustomerExported: _audited("customer.exported"),
    customers.CustomerErased: Consequences(
        action="customer.erased",
        subject="customer_id",
        details=("customers", "cards"),
        event="customer.erased",
        about="customer_id",
        content=("customer_id",),
        marks="cards",
        marked="cards",
    ),
    customers.OptInChanged: _audited("customer.opt_in_{change.state}"),
    customers.CustomersDeactivated: _audited("customers.deactivated"),
    customers.CustomersReactivated: _audited("customers.reactivated"),
    customers.DuplicateDismissed: _audited("duplicate.dismissed", "older", "newer"),
    customers.MergeRequestFiled: _audited("merge_request.filed", "requested_by", "requested_for"),
    customers.MergeRequestConfirmed: _audited("merge_request.confirmed", "requested_by", "requested_for"),
    customers.MergeRequestRejected: _audited("merge_request.rejected", "requested_by", "requested_for"),
    customers.CustomersMerged: Consequences(
        action="customer.merged",
        subject="identity_survivor",
        details=("absorbed", "number_survivor", "reason", "merge_id"),
        event="customer.merged",
        about="identity_survivor",
        content=_OF_MERGE,
        marks="customers",
        marked="both",
    ),
    customers.MergeUndone: Consequences(
        action="customer.merge_undone",
        subject="merge_id",
        details=("absorbed",),
        event="customer.merge_undone",
        about="identity_survivor",
        content=_OF_MERGE,
        marks="customers",
        marked="both",
    ),
    # orders and lists
    promotions.OrderReported: _audited("order.reported", "customer_id"),
    exchange.ImportCommitted: _audited("import.committed", "rows", "booked"),
    exchange.CustomerImported: Consequences(
        action="customer.imported", details="details", marks="customers", marked="updated", urgency=MANY
    ),
    exchange.CardImported: Consequences(
        event="card.issued",
        about="serial_number",
        content=_OF_CARD,
        marks="accounts",
        marked="account_id",
        urgency=MANY,
    ),
    exchange.ListExported: _audited("export.{change.list}"),
    # merchants
    merchants.ApiKeyCreated: _audited("api_key.created", "scopes"),
    merchants.ApiKeyRevoked: _audited("api_key.revoked"),
    merchants.MerchantCreated: _audited("merchant.created"),
    merchants.PoliciesSet: Consequences(action="merchant.policies_set", details="policies"),
    merchants.CredentialsSet: Consequences(
        action="merchant.credentials_set", details=("platform",), wakes=("deliver", "credentials")
    ),
    merchants.ServiceMailSet: _audited("merchant.service_mail_set"),
    merchants.TillFolderSet: _audited("merchant.till_folder_set"),
    # webhooks
    outbox.WebhookCreated: _audited("webhook.created", "events"),
    outbox.WebhookDeleted: _audited("webhook.deleted"),
    outbox.WebhookEnabled: Consequences(action="webhook.enabled", wakes=(WEBHOOKS,)),
    outbox.WebhookSecretRotated: _audited("webhook.secret_rotated"),
    outbox.WebhookReplayed: Consequences(action="webhook.replayed", details=("messages",), wakes=(WEBHOOKS,)),
}
