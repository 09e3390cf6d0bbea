"""Mail about duplicates: staff are mailed what came into the inbox since the last mail (D-04, J-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from walletd.db.customers import customers, duplicates
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.merchants.merchants import MerchantRow
from walletd.domain.customers.matching import AT_ONCE, DAILY, DuplicateCase, MatchStage
from walletd.services.outbox.mail_queue import NO_SERVER, queue, to_staff
from walletd.services.outbox.mail_texts import Text
from walletd.services.runtime import Runtime
from walletd.texts.catalogues import gettext_noop, spoken, translations

_SHOWN: Final = 20

FOUND: Final = Text(
    gettext_noop("Possible duplicates at %(merchant)s: %(new)s new, %(open)s open"),
    gettext_noop("""Since the last mail %(new)s pairs of customers came in who may be one person. %(open)s are open.

%(pairs)s

GET /api/v1/duplicates?state=open shows them side by side; decide with …/confirm or …/dismiss. Pairs with the same
e-mail address and nothing that contradicts are merged by POST /api/v1/duplicates/merge-obvious.
"""),
)
_LINE: Final = gettext_noop("- customer %(older)s and customer %(newer)s: %(why)s")
_WHY: Final[Mapping[str, str]] = {
    MatchStage.EMAIL: gettext_noop("same e-mail address"),
    MatchStage.PHONE: gettext_noop("same telephone number"),
    MatchStage.PERSON: gettext_noop("same name and address"),
}


class DuplicateMails:
    """Use cases without a caller about the inbox of duplicates."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def mail_daily(self) -> str:
        """Write to every merchant who wants one mail a day, if there is something new; return a sentence."""
        return await self._mail(DAILY)

    async def mail_at_once(self) -> str:
        """Write to every merchant who wants to know at once, if there is something new; return a sentence."""
        return await self._mail(AT_ONCE)

    async def _mail(self, policy: str) -> str:
        if self._runtime.mail_channel is None:
            return NO_SERVER
        rows = await self._runtime.database.read(merchants.all_merchants)
        mails = 0
        for merchant in rows:
            if merchant.duplicate_mail == policy and merchant.service_mail is not None:
                mails += await self._notify(merchant)
        return f"{mails} mails"

    async def _notify(self, merchant: MerchantRow) -> bool:
        now, database = self._runtime.clock(), self._runtime.database
        # A look first: what runs every minute must not write every minute.
        if not await database.read(duplicates.not_notified, merchant.id, 1):
            return False

        def write(tx: Tx) -> bool:
            found = duplicates.not_notified(tx, merchant.id, _SHOWN)
            # Marked one by one and not by a moment: a pair that is stored meanwhile is in the next mail.
            new = duplicates.set_notified(tx, merchant.id, now)
            facts = {"new": new, "open": duplicates.count_open(tx, merchant.id), "pairs": _lines(tx, merchant, found)}
            mail = to_staff(merchant, FOUND, **facts)
            if mail is None or not found:
                return False
            queue(tx, merchant.id, "duplicates", mail, now)
            return True

        return await database.write(write)


def _lines(tx: Tx, merchant: MerchantRow, cases: Sequence[DuplicateCase]) -> str:
    gettext = translations(spoken(merchant.languages)).gettext
    known = customers.by_ids(tx, {customer_id for case in cases for customer_id in (case.older, case.newer)})
    # Numbers and no names: a mailbox is out of reach when a person is to be erased.
    return "\n".join(
        gettext(_LINE)
        % {"older": known[case.older].number, "newer": known[case.newer].number, "why": gettext(_WHY[case.stage])}
        for case in cases
    )
