"""A folder that a till system reads: one small CSV file per notice, complete from the moment it is there."""

from __future__ import annotations

import asyncio
import csv
import io
import os
from dataclasses import asdict, fields
from pathlib import Path

from walletd.domain.outbox.attempts import Attempt, Verdict
from walletd.domain.outbox.tills import MergeNotice

_HEADER = tuple(item.name for item in fields(MergeNotice))


class FileDrop:
    """Puts files into one folder; a till takes them away, or leaves them."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    async def merge_customers(self, notice: MergeNotice) -> Attempt:
        """Write `merge-<id>-merged.csv` or `…-separated.csv`; again, it is the same file. Never raises."""
        try:
            await asyncio.to_thread(self._write, f"merge-{notice.merge_id}-{notice.event}.csv", _csv(notice))
        except OSError as error:
            return Attempt(Verdict.RETRY, f"{self._folder}: {error.strerror or error}")
        return Attempt(Verdict.DONE)

    def _write(self, name: str, content: bytes) -> None:
        # Under another name until it is whole and on the disk: a till that looks at the wrong moment sees no half file.
        part, folder = self._folder / f".{name}.part", os.open(self._folder, os.O_RDONLY)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / name)
            os.fsync(folder)
        finally:
            os.close(folder)


def _csv(notice: MergeNotice) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=";", lineterminator="\r\n")
    rows.writerow(_HEADER)
    rows.writerow(asdict(notice).values())
    return text.getvalue().encode()
