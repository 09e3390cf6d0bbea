"""Assurance: the books are proved every night and signed every hour, and staff are told how that went."""

from __future__ import annotations

from walletd.domain.errors import LedgerUnproved
from walletd.services.ledger.checkpoints import Checkpoints
from walletd.services.ledger.proof import Proof
from walletd.services.outbox.mail import ServiceMail
from walletd.telemetry import gauge, logger

log = logger(__name__)
_proved = gauge("ledger_proved", "1 while the last nightly proof of the ledger held, else 0")


class Assurance:
    """Use cases without a caller about the truth of the books."""

    def __init__(self, proof: Proof, checkpoints: Checkpoints, service_mail: ServiceMail) -> None:
        self._proof = proof
        self._checkpoints = checkpoints
        self._service_mail = service_mail

    async def prove_ledger(self) -> str:
        """Recompute all balances and chains; an alarm where something does not hold."""
        report = await self._proof.enforce()
        try:
            checkpoints = await self._checkpoints.verify()
            report.require()
        except LedgerUnproved as error:
            _proved.set(0)
            log.critical("ledger_unproved", faults=len(report.faults), detail=error.detail, **error.facts)
            await self._service_mail.post_unproved(error.detail)
            raise
        _proved.set(1)
        return f"{report.accounts} accounts, {report.entries} entries, {checkpoints} checkpoints hold"

    async def checkpoint_ledger(self) -> str:
        """Sign how far the books have come."""
        signed = await self._checkpoints.make()
        return "the books are empty" if signed is None else f"checkpoint {signed.checkpoint.number} is the newest"

    async def mail_checkpoint(self) -> str:
        """Write the newest checkpoint to the service mailboxes, where it was not written before."""
        signed = await self._checkpoints.newest()
        return "the books are empty" if signed is None else await self._service_mail.post_checkpoint(signed)
