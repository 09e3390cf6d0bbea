"""Merchants: made at the start, given their certificates, and kept loaded in the platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from walletd.db.cards import programs
from walletd.db.delivery import channels, publish_counters
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.db.merchants.merchants import CredentialsRow, MerchantRow
from walletd.domain.customers import matching, merge_requests
from walletd.domain.errors import CertificateInvalid, NotFound
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.changes import CredentialsSet, MerchantCreated, PoliciesSet
from walletd.domain.merchants.principals import SCOPES, Principal, PrincipalKind
from walletd.domain.validation import check_name, invalid
from walletd.services.changes.recorder import record
from walletd.services.delivery import classes, republishing
from walletd.services.runtime import Runtime
from walletd.telemetry import logger

_CURRENCY_LENGTH: Final = 3

POLICIES: Final[Mapping[str, tuple[str, ...]]] = {
    "merge_requests": merge_requests.POLICIES,
    "duplicate_mail": matching.MAIL_POLICIES,
}
"""What a merchant decides once, and what there is to choose from."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class NewMerchant:
    """What is asked for when a merchant is made."""

    name: str
    currency: str = "EUR"
    timezone: str = "Europe/Berlin"
    languages: tuple[str, ...] = ("de", "en")


class Merchants:
    """Use cases about merchants."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._loaded: dict[tuple[str, str], int] = {}

    async def create(self, new: NewMerchant) -> MerchantRow:
        """Make a merchant; raises ValidationFailed."""
        now = self._runtime.clock()
        row = MerchantRow(
            new_id("mer", now), check_name(new.name), _currency(new.currency), _zone(new.timezone), new.languages, now
        )

        def write(tx: Tx) -> None:
            merchants.insert(tx, row)
            publish_counters.insert_counter(tx, row.id)
            record(tx, shell(row.id), now, MerchantCreated(row.id))

        await self._runtime.database.write(write)
        return row

    async def list(self) -> list[MerchantRow]:
        """Return every merchant."""
        return await self._runtime.database.read(merchants.all_merchants)

    async def get(self, merchant_id: str | None) -> MerchantRow:
        """Return a merchant, the only one where no id is given; raises NotFound."""
        rows = await self.list()
        found = [row for row in rows if merchant_id in {None, row.id}]
        if len(found) != 1:
            if not rows:
                raise NotFound("There is no shop here yet; run: walletd init")
            raise NotFound("There is no such merchant." if merchant_id else "Name one merchant by its id.")
        return found[0]

    async def set_policies(self, by: Principal, policies: Mapping[str, str]) -> None:
        """Store what customers may ask for, and when staff are written to; raises ValidationFailed.

        `policies` may name `merge_requests` and `duplicate_mail`.
        """
        for name, value in policies.items():
            if value not in POLICIES[name]:
                raise invalid(f"/{name}", f"must be one of {', '.join(POLICIES[name])}")
        now = self._runtime.clock()

        def write(tx: Tx) -> None:
            merchants.store_policies(tx, by.merchant_id, policies)
            record(tx, by, now, PoliciesSet(by.merchant_id, policies))

        await self._runtime.database.write(write)

    async def set_credentials(
        self, merchant_id: str, platform: str, topic: str, credentials: bytes, not_valid_after: datetime
    ) -> None:
        """Store checked credentials encrypted, and let every card be published with them.

        Raises CertificateInvalid where the platform refuses them or another merchant uses the topic.
        """
        now, database = self._runtime.clock(), self._runtime.database
        _check_topic(await database.read(merchants.all_credentials), merchant_id, platform, topic)
        wallet = self._runtime.platform(platform)
        if wallet is None:
            raise NotFound(f"There is no wallet {platform}.")
        wallet.configure(merchant_id, credentials)
        sealed = self._runtime.vault.seal(credentials, merchant_id, platform)

        def write(tx: Tx) -> Sequence[str]:
            merchants.store_credentials(tx, CredentialsRow(merchant_id, platform, topic, sealed, 0, not_valid_after))
            channels.open_channel(tx, merchant_id, platform)
            classes.raise_due(tx, self._runtime, merchant_id, now)
            record(tx, shell(merchant_id), now, CredentialsSet(merchant_id, platform))
            return programs.request_republishing(tx, merchant_id)

        await republishing.republish(self._runtime, await database.write(write))
        await self.load_credentials()

    async def load_credentials(self) -> None:
        """Give the platforms what is new or was replaced; a fault of one merchant stops no other."""
        for row in await self._runtime.database.read(merchants.all_credentials):
            if self._loaded.get((row.merchant_id, row.platform)) == row.version:
                continue
            platform = self._runtime.platform(row.platform)
            if platform is None:
                continue
            try:
                platform.configure(row.merchant_id, self._runtime.vault.open(row.sealed, row.merchant_id, row.platform))
            except CertificateInvalid as error:
                log.exception(
                    "credentials_refused", merchant=row.merchant_id, platform=row.platform, detail=error.detail
                )
            self._loaded[(row.merchant_id, row.platform)] = row.version


def shell(merchant_id: str) -> Principal:
    """Return the principal of whoever works at the machine's own command line."""
    return Principal(merchant_id, PrincipalKind.COMMAND_LINE, "cli", "command line", SCOPES["admin"])


def _check_topic(present: Sequence[CredentialsRow], merchant_id: str, platform: str, topic: str) -> None:
    """Refuse a topic of another merchant, and another topic than before: installed passes would be cut off."""
    for row in present:
        mine = row.merchant_id == merchant_id
        if row.platform != platform or mine == (row.topic == topic):
            continue
        if mine:
            raise CertificateInvalid(
                f"Installed passes belong to {row.topic}; a certificate for {topic} cannot follow it."
            )
        raise CertificateInvalid(f"Another merchant uses {topic} already.")


def _currency(code: str) -> str:
    if len(code) != _CURRENCY_LENGTH or not code.isascii() or not code.isalpha() or not code.isupper():
        raise invalid("/currency", "must be a code of ISO 4217 such as EUR")
    return code


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise invalid("/timezone", "must be a time zone such as Europe/Berlin") from error
    return name
