"""Programs: made with sensible defaults, changed with effect on every card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from walletd.db.cards import programs
from walletd.db.engine.base import Tx
from walletd.db.merchants import merchants
from walletd.domain.cards.changes import ProgramChanged, ProgramCreated
from walletd.domain.cards.kinds import UNITS
from walletd.domain.cards.programs import NewProgram, Program, check_kind, complete_rules
from walletd.domain.errors import NotFound
from walletd.domain.identifiers import new_id
from walletd.domain.merchants.principals import Principal
from walletd.domain.pages import Page, PageRequest
from walletd.domain.validation import check_name, invalid
from walletd.services.changes.recorder import record
from walletd.services.delivery import classes, republishing
from walletd.services.runtime import Runtime


class Programs:
    """Use cases about programs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def create(self, by: Principal, new: NewProgram) -> Program:
        """Make a program; raises ValidationFailed."""
        kind, name, now = check_kind(new.kind), check_name(new.name), self._runtime.clock()
        template = new.template or kind
        if self._runtime.templates.get(template) != kind:
            fitting = ", ".join(sorted(name for name, of in self._runtime.templates.items() if of == kind))
            raise invalid("/template", f"must be a template for {kind} cards: {fitting or 'there is none'}")
        rules = complete_rules(kind, new.rules or {})

        def write(tx: Tx) -> Program:
            unit = UNITS[kind]
            currency = merchants.currency(tx, by.merchant_id) if unit == "money" else None
            program = Program(new_id("prg", now), by.merchant_id, kind, name, unit, currency, template, rules, now)
            programs.insert(tx, program)
            record(tx, by, now, ProgramCreated(program.id, kind))
            classes.raise_due(tx, self._runtime, by.merchant_id, now)
            return program

        return await self._runtime.database.write(write)

    async def get(self, by: Principal, program_id: str) -> Program:
        """Return a program; raises NotFound."""
        found = await self._runtime.database.read(programs.find, by.merchant_id, program_id)
        if found is None:
            raise NotFound(f"There is no program {program_id}.")
        return found

    async def list(self, by: Principal, request: PageRequest) -> Page[Program]:
        """Return a page of programs; raises CursorInvalid, ValidationFailed."""
        return await self._runtime.database.read(programs.page, by.merchant_id, request)

    async def update(
        self, by: Principal, program_id: str, name: str | None = None, rules: Mapping[str, object] | None = None
    ) -> Program:
        """Change name or rules, and let every card of the program be published anew; raises NotFound."""
        now = self._runtime.clock()

        def write(tx: Tx) -> Program | None:
            present = programs.find(tx, by.merchant_id, program_id, lock=True)
            if present is None:
                return None
            changed = replace(
                present,
                name=present.name if name is None else check_name(name),
                rules=complete_rules(present.kind, {**present.rules, **(rules or {})}),
            )
            programs.change(tx, changed)
            programs.request_republishing(tx, by.merchant_id, program_id)
            classes.raise_due(tx, self._runtime, by.merchant_id, now)
            record(tx, by, now, ProgramChanged(program_id))
            return changed

        changed = await self._runtime.database.write(write)
        if changed is None:
            raise NotFound(f"There is no program {program_id}.")
        await republishing.republish(self._runtime, [program_id])
        return changed

    async def resume(self) -> int:
        """Publish what a killed process left behind of changed programs; return how many cards were marked."""
        return await republishing.resume(self._runtime)
