"""What a merge decides besides: pairs in the inbox of duplicates, and merge requests about the two."""

from __future__ import annotations

from datetime import datetime

from walletd.db.customers import customers, duplicates, merge_requests
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.customers.merge_requests import MergeRequestState
from walletd.domain.customers.merges import Merge
from walletd.services.customers.merge_request_mails import APPROVED, RequestMails


def follow_merge(tx: Tx, merge: Merge, now: datetime, *, by_mail: bool) -> None:
    """Close what was open about the two customers, whoever merged them and from where."""
    survivor, absorbed = merge.plan.identity_survivor, merge.plan.absorbed
    duplicates.follow_merge(tx, survivor, absorbed, now)
    # Others that name the absorbed customer were confirmed, or asked for, by somebody who is no account any more.
    for other in merge_requests.undecided_of(tx, absorbed):
        if (
            survivor not in {other.requested_by, other.requested_for}
            and other.at(now).state != MergeRequestState.EXPIRED
        ):
            merge_requests.change(tx, other.rejected(None, now))
    request = merge_requests.undecided(tx, merge.merchant_id, (survivor, absorbed))
    if request is None or request.at(now).state == MergeRequestState.EXPIRED:
        return
    approved = request.approved(merge.id, now)
    merge_requests.change(tx, approved)
    if not by_mail:
        return
    mails = RequestMails(tx, merchants.get(tx, merge.merchant_id), approved, now)
    recipients = customers.by_ids(tx, [request.requested_by, request.requested_for])
    # Both addresses, once each: whoever used the one or the other knows what is right from now on (S0-056).
    for customer in {person.details.email: person for person in recipients.values()}.values():
        mails.queue_decided(customer, APPROVED)
