"""The proof of the ledger: every account worked out again from its entries, in bounded memory (I-01)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from walletd.db.engine.base import Tx
from walletd.db.ledger import accounts, proof
from walletd.db.ledger.proof import Fault
from walletd.domain.errors import LedgerUnproved
from walletd.domain.ledger.balances import AccountState
from walletd.domain.ledger.proof import Proof as AccountProof
from walletd.domain.ledger.proof import begin, check_end, go_on
from walletd.services.runtime import Runtime

_ACCOUNTS_AT_ONCE: Final = 200
_FAULTS_KEPT: Final = 1000

Progress = Callable[[int], None]
"""Called with how many entries were proved since the last call."""


@dataclass(slots=True)
class Report:
    """What the proof came to."""

    accounts: int = 0
    entries: int = 0
    faults: list[Fault] = field(default_factory=list)

    def require(self) -> None:
        """Raise LedgerUnproved with the first fault, where there is one."""
        if self.faults:
            first = self.faults[0]
            raise LedgerUnproved(f"Account {first.account_id}: {first.detail}.", account_id=first.account_id)


class Proof:
    """Use cases about the proof."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def expected_entries(self) -> int:
        """Return how many entries there are to prove."""
        return await self._runtime.database.long_read(proof.expected_entries)

    async def verify(self, progress: Progress = lambda _entries: None) -> tuple[int, int]:
        """Return how many accounts and entries hold; raises LedgerUnproved with the first fault."""
        report = await self._prove(progress, stop_at_fault=True)
        report.require()
        return report.accounts, report.entries

    async def enforce(self) -> Report:
        """Prove everything; accounts with a fault can redeem nothing until they hold again (I-01)."""
        report = await self._prove(lambda _entries: None, stop_at_fault=False)
        found = {fault.account_id: fault.detail for fault in reversed(report.faults)}
        known = await self._runtime.database.long_read(accounts.with_faults)
        for account_id in found.keys() | known.keys():
            fault = found.get(account_id)
            if fault != known.get(account_id):
                await self._runtime.database.write(accounts.set_fault, account_id, fault)
        return report

    async def _prove(self, progress: Progress, *, stop_at_fault: bool) -> Report:
        report, last = Report(), ""
        while not (stop_at_fault and report.faults):
            some = await self._runtime.database.long_read(_prove_some, last, progress)
            if some is None:
                report.faults += await self._runtime.database.long_read(proof.strays)
                break
            last, part = some
            report.accounts += part.accounts
            report.entries += part.entries
            report.faults = (report.faults + part.faults)[:_FAULTS_KEPT]
        return report


def _prove_some(tx: Tx, after: str, progress: Progress) -> tuple[str, Report] | None:
    """Prove the next accounts on one snapshot; return the last id and what was found."""
    ids = accounts.ids_after(tx, after, _ACCOUNTS_AT_ONCE)
    if not ids:
        return None
    first, last = ids[0], ids[-1]
    try:
        return last, _prove_range(tx, first, last, progress)
    except (TypeError, ValueError, OverflowError):
        detail = f"a row of this account, or of one up to {last}, holds what its columns cannot hold"
        return last, Report(accounts=len(ids), faults=[Fault(first, detail)])


def _prove_range(tx: Tx, first: str, last: str, progress: Progress) -> Report:
    some = accounts.between(tx, first, last)
    report = Report(accounts=len(some))
    proofs = {account.id: begin(account) for account in some}
    failed: dict[str, str] = {}
    for page in proof.lines(tx, first, last):
        for entry, transaction, consumptions in page:
            account_id = entry.account_id
            if account_id in failed or account_id not in proofs:
                continue
            try:
                proofs[account_id] = go_on(proofs[account_id], entry, transaction, consumptions)
            except LedgerUnproved as error:
                failed[account_id] = _detail(error)
        report.entries += len(page)
        progress(len(page))
    for account in some:
        if account.id not in failed:
            _end(failed, proofs[account.id], account)
    report.faults = [Fault(account_id, detail) for account_id, detail in failed.items()]
    report.faults += proof.contradictions(tx, first, last)
    return report


def _end(failed: dict[str, str], worked_out: AccountProof, stored: AccountState) -> None:
    try:
        check_end(worked_out, stored)
    except LedgerUnproved as error:
        failed[stored.id] = _detail(error)


def _detail(error: LedgerUnproved) -> str:
    return error.detail.partition(": ")[2].rstrip(".")
