"""What is written about merge requests: to the second address, to staff, and to whoever asked."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.merchants.merchants import MerchantRow
from walletd.domain.customers.customers import Customer
from walletd.domain.customers.merge_requests import CONFIRM_WITHIN, MergeRequest
from walletd.domain.errors import ValidationFailed
from walletd.domain.outbox.mail import Mail, check_mailbox
from walletd.services.outbox.mail_queue import queue, to_customer, to_staff
from walletd.services.outbox.mail_texts import Text
from walletd.texts.catalogues import gettext_noop, spoken, translations

ASKED: Final = Text(
    gettext_noop("Should your accounts at %(merchant)s become one?"),
    gettext_noop("""Hello %(name)s,

from the address %(applicant)s somebody asked to take your account at %(merchant)s over into another one: \
points and cards
will then belong to the account with that address, and you cannot undo this yourself.

Was that you? Then please confirm it here:

%(link)s

The link works for %(days)s days. Without your confirmation nothing happens. You can also decline on the same page.
"""),
)
FILED: Final = Text(
    gettext_noop("New merge request at %(merchant)s"),
    gettext_noop("""A customer asks for two accounts to become one.

    request %(request_id)s
    main account: customer %(by_number)s
    to be integrated: customer %(for_number)s

%(waits)s
Open requests are listed by GET /api/v1/merge-requests; decide with …/approve or …/reject.
"""),
)
_WAITS: Final = (
    gettext_noop("You can decide at once."),
    gettext_noop("The second address was asked to confirm it; nobody can approve it before that."),
)
CONFIRMED: Final = Text(
    gettext_noop("Merge request at %(merchant)s is confirmed"),
    gettext_noop("""The second address confirmed the request %(request_id)s: customer %(for_number)s is to be \
integrated into
customer %(by_number)s. You can decide now: POST /api/v1/merge-requests/%(request_id)s/approve or …/reject.
"""),
)
APPROVED: Final = Text(
    gettext_noop("Your accounts at %(merchant)s are one now"),
    gettext_noop("""Hello %(name)s,

your two accounts at %(merchant)s have become one. Your cards show the common balance on all phones by themselves; you
need not do anything.
"""),
)
REJECTED: Final = Text(
    gettext_noop("Your request at %(merchant)s was rejected"),
    gettext_noop("""Hello %(name)s,

your request to make two accounts at %(merchant)s one was rejected. Both accounts stay as they are. If you \
have questions,
please ask the shop.
"""),
)


class RequestMails:
    """The mails about one request, between the customers that it names."""

    def __init__(self, tx: Tx, merchant: MerchantRow, request: MergeRequest, now: datetime) -> None:
        self._tx, self._merchant, self._request, self._now = tx, merchant, request, now

    def ask(self, applicant: Customer, second: Customer, link: str) -> None:
        """Ask the second address to confirm; raises ValidationFailed where one of the two has no address."""
        address = check_mailbox(applicant.details.email or "", "/requested_by")
        facts = {"applicant": address, "link": link, "days": CONFIRM_WITHIN.days}
        self._queue(to_customer(self._merchant, second, ASKED, "/requested_for", **facts))

    def queue_filed(self, applicant: Customer, second: Customer) -> None:
        """Tell staff that there is a new request (S4-054)."""
        gettext = translations(spoken(self._merchant.languages)).gettext
        waits = gettext(_WAITS[self._request.confirm_until is not None])
        self._queue(to_staff(self._merchant, FILED, waits=waits, **self._facts(applicant, second)))

    def queue_confirmed(self, applicant: Customer, second: Customer) -> None:
        """Tell staff that they can decide now."""
        self._queue(to_staff(self._merchant, CONFIRMED, **self._facts(applicant, second)))

    def queue_decided(self, recipients: Customer, text: Text) -> None:
        """Tell a customer what became of the request, where there is an address to write to."""
        try:
            self._queue(to_customer(self._merchant, recipients, text))
        except ValidationFailed:
            return

    def _facts(self, applicant: Customer, second: Customer) -> dict[str, object]:
        # Numbers and no names: a mailbox is out of reach when a person is to be erased.
        return {"request_id": self._request.id, "by_number": applicant.number, "for_number": second.number}

    def _queue(self, mail: Mail | None) -> None:
        if mail is not None:
            about = f"merge-request {self._request.id} {self._request.requested_by} {self._request.requested_for}"
            queue(self._tx, self._merchant.id, about, mail, self._now)
