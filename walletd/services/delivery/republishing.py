"""Publishing all cards of a program anew: asked for in the transaction that changed it, done in small steps after it.

How far the steps have come is stored with the program, so that whoever starts next goes on where a killed process left
off, and no card stays on old rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from walletd.db.cards import programs
from walletd.db.delivery import publishing
from walletd.db.engine.base import Tx
from walletd.services.runtime import Runtime

_MARKED_AT_ONCE: Final = 500
"""So few that no till waits behind a large program."""


async def republish(runtime: Runtime, program_ids: Sequence[str]) -> int:
    """Mark the cards of programs dirty that want it; return how many. Several processes may do it at once."""
    marked = 0
    for program_id in program_ids:
        while (step := await _step(runtime, program_id)) is not None:
            marked += step
    return marked


async def resume(runtime: Runtime) -> int:
    """Go on with everything that was left behind; return how many cards were marked."""
    return await republish(runtime, await runtime.database.read(programs.to_republish))


async def _step(runtime: Runtime, program_id: str) -> int | None:
    """Mark the next cards and return how many, or None where all are marked."""
    now = runtime.clock()

    def write(tx: Tx) -> int | None:
        after = programs.lock_republishing(tx, program_id)
        if after is None:
            return None
        serial_numbers = publishing.mark_program_dirty(tx, program_id, now, after=after, limit=_MARKED_AT_ONCE)
        is_last = len(serial_numbers) < _MARKED_AT_ONCE
        programs.store_republishing(tx, program_id, None if is_last else serial_numbers[-1])
        return len(serial_numbers)

    return await runtime.database.write(write)
