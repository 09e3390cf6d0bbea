"""What is written about merge requests: to the second address, to staff, and to whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
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

ASKED: Final[Mapping[str, Text]] = {
    "de": Text(
        "Sollen Ihre Konten bei {merchant} zusammengelegt werden?",
        """Guten Tag {name},

von der Adresse {applicant} wurde beantragt, Ihr Konto bei {merchant} in ein anderes zu übernehmen: Punkte und Karten
gehören danach zu dem Konto mit jener Adresse, und Sie können das nicht selbst rückgängig machen.

Haben Sie das selbst beantragt? Dann bestätigen Sie es bitte hier:

{link}

Der Link gilt {days} Tage. Ohne Ihre Bestätigung geschieht nichts. Auf derselben Seite können Sie auch ablehnen.
""",
    ),
    "en": Text(
        "Should your accounts at {merchant} become one?",
        """Hello {name},

from the address {applicant} somebody asked to take your account at {merchant} over into another one: points and cards
will then belong to the account with that address, and you cannot undo this yourself.

Was that you? Then please confirm it here:

{link}

The link works for {days} days. Without your confirmation nothing happens. You can also decline on the same page.
""",
    ),
}
FILED: Final[Mapping[str, Text]] = {
    "de": Text(
        "Neuer Zusammenlegungsantrag bei {merchant}",
        """Ein Kunde beantragt, zwei Konten zusammenzulegen.

    Antrag {request_id}
    Hauptkonto: Kunde {by_number}
    wird übernommen: Kunde {for_number}

{waits}
Offene Anträge zeigt GET /api/v1/merge-requests; zugestimmt oder abgelehnt wird mit …/approve oder …/reject.
""",
    ),
    "en": Text(
        "New merge request at {merchant}",
        """A customer asks for two accounts to become one.

    request {request_id}
    main account: customer {by_number}
    to be integrated: customer {for_number}

{waits}
Open requests are listed by GET /api/v1/merge-requests; decide with …/approve or …/reject.
""",
    ),
}
_WAITS: Final[Mapping[str, tuple[str, str]]] = {
    "de": (
        "Sie können gleich entscheiden.",
        "Die zweite Adresse wurde um Bestätigung gebeten; vorher kann niemand zustimmen.",
    ),
    "en": (
        "You can decide at once.",
        "The second address was asked to confirm it; nobody can approve it before that.",
    ),
}
CONFIRMED: Final[Mapping[str, Text]] = {
    "de": Text(
        "Zusammenlegungsantrag bei {merchant} ist bestätigt",
        """Die zweite Adresse hat den Antrag {request_id} bestätigt: Kunde {for_number} soll in Kunde {by_number}
übernommen werden. Jetzt können Sie entscheiden: POST /api/v1/merge-requests/{request_id}/approve oder …/reject.
""",
    ),
    "en": Text(
        "Merge request at {merchant} is confirmed",
        """The second address confirmed the request {request_id}: customer {for_number} is to be integrated into
customer {by_number}. You can decide now: POST /api/v1/merge-requests/{request_id}/approve or …/reject.
""",
    ),
}
APPROVED: Final[Mapping[str, Text]] = {
    "de": Text(
        "Ihre Konten bei {merchant} sind jetzt eines",
        """Guten Tag {name},

Ihre beiden Konten bei {merchant} sind zusammengelegt. Ihre Karten auf allen Telefonen zeigen von selbst den gemeinsamen
Stand; Sie müssen nichts tun.
""",
    ),
    "en": Text(
        "Your accounts at {merchant} are one now",
        """Hello {name},

your two accounts at {merchant} have become one. Your cards show the common balance on all phones by themselves; you
need not do anything.
""",
    ),
}
REJECTED: Final[Mapping[str, Text]] = {
    "de": Text(
        "Ihr Antrag bei {merchant} wurde abgelehnt",
        """Guten Tag {name},

Ihr Antrag, zwei Konten bei {merchant} zusammenzulegen, wurde abgelehnt. Beide Konten bleiben, wie sie sind. Wenn Sie
Fragen haben, wenden Sie sich bitte an das Geschäft.
""",
    ),
    "en": Text(
        "Your request at {merchant} was rejected",
        """Hello {name},

your request to make two accounts at {merchant} one was rejected. Both accounts stay as they are. If you have questions,
please ask the shop.
""",
    ),
}


class RequestMails:
    """The mails about one request, between the customers that it names."""

    def __init__(self, tx: Tx, merchant: MerchantRow, request: MergeRequest, now: datetime) -> None:
        self._tx, self._merchant, self._request, self._now = tx, merchant, request, now

    def ask(self, applicant: Customer, second: Customer, link: str) -> None:
        """Ask the second address to confirm; raises ValidationFailed where one of the two has no address."""
        address = check_mailbox(applicant.details.email or "", "/requested_by")
        facts = {"applicant": address, "link": link, "days": CONFIRM_WITHIN.days}
        self._queue(to_customer(self._merchant, second, ASKED, "/requested_for", **facts))

    def tell_filed(self, applicant: Customer, second: Customer) -> None:
        """Tell staff that there is a new request (S4-054)."""
        language = next((name for name in self._merchant.languages if name in _WAITS), "en")
        waits = _WAITS[language][self._request.confirm_until is not None]
        self._queue(to_staff(self._merchant, FILED, waits=waits, **self._facts(applicant, second)))

    def tell_confirmed(self, applicant: Customer, second: Customer) -> None:
        """Tell staff that they can decide now."""
        self._queue(to_staff(self._merchant, CONFIRMED, **self._facts(applicant, second)))

    def tell_decided(self, told: Customer, texts: Mapping[str, Text]) -> None:
        """Tell a customer what became of the request, where there is an address to write to."""
        try:
            self._queue(to_customer(self._merchant, told, texts))
        except ValidationFailed:
            return

    def _facts(self, applicant: Customer, second: Customer) -> dict[str, object]:
        # Numbers and no names: a mailbox is out of reach when a person is to be erased.
        return {"request_id": self._request.id, "by_number": applicant.number, "for_number": second.number}

    def _queue(self, mail: Mail | None) -> None:
        if mail is not None:
            about = f"merge-request {self._request.id} {self._request.requested_by} {self._request.requested_for}"
            queue(self._tx, self._merchant.id, about, mail, self._now)
