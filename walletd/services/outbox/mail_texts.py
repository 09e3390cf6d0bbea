"""What is written to a merchant's service mailbox, in German and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from walletd.domain.outbox.mail import Mail


@dataclass(frozen=True, slots=True)
class Text:
    """A subject and a text with places in braces."""

    subject: str
    text: str


WELCOME: Final[Mapping[str, Text]] = {
    "de": Text(
        "walletd erreicht dieses Postfach",
        """Guten Tag,

ab jetzt schreibt walletd an dieses Postfach, was {merchant} wissen muss, ohne nachzusehen:

- jeden Morgen den neuesten Prüfpunkt der Bücher, wenn gebucht wurde: bitte aufbewahren;
- sofort, wenn die Bücher sich nicht mehr beweisen lassen;
- rechtzeitig, bevor ein Zertifikat endet.

Wer diese Nachrichten nicht mehr will: walletd merchant set --service-mail ""
""",
    ),
    "en": Text(
        "walletd reaches this mailbox",
        """Hello,

from now on walletd writes to this mailbox what {merchant} has to know without looking:

- every morning the newest checkpoint of the books, if anything was booked: please keep it;
- at once, when the books can no longer be proved;
- in time, before a certificate ends.

To end these mails: walletd merchant set --service-mail ""
""",
    ),
}
CHECKPOINT: Final[Mapping[str, Text]] = {
    "de": Text(
        "Prüfpunkt {number} der Bücher von {merchant}",
        """Bitte bewahren Sie diese Nachricht auf, wo niemand sie ändern kann, der den Server betreibt, oder drucken Sie
sie aus. Der Prüfpunkt sagt mit Unterschrift, wie weit die Bücher waren: {entries} Buchungen am {day}.
Er steht auch für alle Prüfpunkte davor.

{checkpoint}
Ob seither etwas abgeschnitten, zurückgesetzt oder neu geschrieben wurde, zeigt

    walletd ledger verify --checkpoint DATEI

mit dieser Nachricht, als Datei gespeichert.
""",
    ),
    "en": Text(
        "Checkpoint {number} of the books of {merchant}",
        """Please keep this mail where nobody who runs the server can change it, or print it. The checkpoint says with
a signature how far the books had come: {entries} entries on {day}.
It stands for all checkpoints before it, too.

{checkpoint}
Whether anything was cut off, set back or written anew since then is shown by

    walletd ledger verify --checkpoint FILE

with this mail, saved as a file.
""",
    ),
}
UNPROVED: Final[Mapping[str, Text]] = {
    "de": Text(
        "ALARM: Die Bücher lassen sich nicht beweisen",
        """Die nächtliche Prüfung hat einen Fehler in den Büchern gefunden:

    {detail}

Von betroffenen Konten wird nichts mehr eingelöst, bis das geklärt ist; alle anderen arbeiten weiter.
Bitte stellen Sie nichts wieder her und ändern Sie nichts, bevor eine Sicherung des jetzigen Zustands gemacht ist.
Diese Befehle zeigen mehr:

    walletd ledger verify
    walletd ledger verify --checkpoint DATEI   (mit dem letzten Prüfpunkt, der hierher geschickt wurde)
""",
    ),
    "en": Text(
        "ALARM: the books cannot be proved",
        """The nightly proof found a fault in the books:

    {detail}

Nothing is redeemed from accounts that it concerns until this is cleared up; all others go on.
Please restore nothing and change nothing before the present state is backed up. These commands show more:

    walletd ledger verify
    walletd ledger verify --checkpoint FILE   (with the last checkpoint that was mailed here)
""",
    ),
}
CERTIFICATE: Final[Mapping[str, Text]] = {
    "de": Text(
        "Das Zertifikat {topic} gilt nur bis {day}",
        """Das Zertifikat {topic} von {merchant} gilt bis {day}. Danach kann keine Karte mehr ausgestellt oder geändert
werden; Karten auf Telefonen zeigen ihren letzten Stand.

Bitte erneuern Sie es und laden Sie es mit: walletd merchant set --apple-p12 DATEI
""",
    ),
    "en": Text(
        "The certificate {topic} is valid until {day} only",
        """The certificate {topic} of {merchant} is valid until {day}. After that no card can be issued or changed;
cards on phones show their last state.

Please renew it, and load it with: walletd merchant set --apple-p12 FILE
""",
    ),
}
INVITATION: Final[Mapping[str, Text]] = {
    "de": Text(
        "Dürfen wir Ihnen schreiben? Einladung zum Newsletter von {merchant}",
        """Guten Tag {name},

{merchant} möchte Ihnen Neuigkeiten und Angebote schicken. Das geschieht nur, wenn Sie zustimmen:

{link}

Der Link gilt {days} Tage. Ohne Ihre Antwort schreiben wir Ihnen nichts. Auf derselben Seite können Sie auch ablehnen.
""",
    ),
    "en": Text(
        "May we write to you? Invitation to the newsletter of {merchant}",
        """Hello {name},

{merchant} would like to send you news and offers. That happens only if you agree:

{link}

The link works for {days} days. Without your answer we write nothing to you. You can also decline on the same page.
""",
    ),
}


def compose(to: str, languages: tuple[str, ...], texts: Mapping[str, Text], **facts: object) -> Mail:
    """Return a mail in the first of the languages that there is, else in English."""
    chosen = next((texts[language] for language in languages if language in texts), texts["en"])
    subject = " ".join(chosen.subject.format(**facts).split())
    return Mail(to, subject, chosen.text.format(**facts))
