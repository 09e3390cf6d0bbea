"""What is written to a merchant's service mailbox, and how a mail is composed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from walletd.domain.outbox.mail import Mail
from walletd.texts.catalogues import gettext_noop, spoken, translations


@dataclass(frozen=True, slots=True)
class Text:
    """A subject and a text in English, with places for values by their names."""

    subject: str
    text: str


WELCOME: Final = Text(
    gettext_noop("walletd reaches this mailbox"),
    gettext_noop("""Hello,

from now on walletd writes to this mailbox what %(merchant)s has to know without looking:

- every morning the newest checkpoint of the books, if anything was booked: please keep it;
- at once, when the books can no longer be proved;
- in time, before a certificate ends.

To end these mails: walletd merchant set --service-mail ""
"""),
)
CHECKPOINT: Final = Text(
    gettext_noop("Checkpoint %(number)s of the books of %(merchant)s"),
    gettext_noop("""Please keep this mail where nobody who runs the server can change it, or print it. The \
checkpoint says with
a signature how far the books had come: %(entries)s entries on %(day)s.
It stands for all checkpoints before it, too.

%(checkpoint)s
Whether anything was cut off, set back or written anew since then is shown by

    walletd ledger verify --checkpoint FILE

with this mail, saved as a file.
"""),
)
UNPROVED: Final = Text(
    gettext_noop("ALARM: the books cannot be proved"),
    gettext_noop("""The nightly proof found a fault in the books:

    %(detail)s

Nothing is redeemed from accounts that it concerns until this is cleared up; all others go on.
Please restore nothing and change nothing before the present state is backed up. These commands show more:

    walletd ledger verify
    walletd ledger verify --checkpoint FILE   (with the last checkpoint that was mailed here)
"""),
)
CERTIFICATE: Final = Text(
    gettext_noop("The certificate %(topic)s is valid until %(day)s only"),
    gettext_noop("""The certificate %(topic)s of %(merchant)s is valid until %(day)s. After that no card can \
be issued or changed;
cards on phones show their last state.

Please renew it, and load it with: walletd merchant set --apple-p12 FILE
"""),
)
INVITATION: Final = Text(
    gettext_noop("May we write to you? Invitation to the newsletter of %(merchant)s"),
    gettext_noop("""Hello %(name)s,

%(merchant)s would like to send you news and offers. That happens only if you agree:

%(link)s

The link works for %(days)s days. Without your answer we write nothing to you. You can also decline on the same page.
"""),
)


def compose(to: str, languages: tuple[str, ...], text: Text, **facts: object) -> Mail:
    """Return a mail in the first of the languages that walletd speaks, else in English."""
    gettext = translations(spoken(languages)).gettext
    subject = " ".join((gettext(text.subject) % facts).split())
    return Mail(to, subject, gettext(text.text) % facts)
