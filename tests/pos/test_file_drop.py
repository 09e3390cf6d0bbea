"""The folder that a till reads: whole files only, one per notice, the same again when repeated."""

from __future__ import annotations

from pathlib import Path

from walletd.domain.outbox.attempts import Verdict
from walletd.domain.outbox.tills import MergeEvent, MergeNotice
from walletd.pos.file_drop import FileDrop

NOTICE = MergeNotice("mrg_1", MergeEvent.MERGED, 1002, 1001, 1001, "2026-11-23T09:30:00.125Z")


def files_in(folder: Path) -> list[tuple[str, list[str]]]:
    """Name and lines of each file."""
    return [(file.name, file.read_bytes().decode().split("\r\n")) for file in folder.iterdir()]


async def test_a_notice_is_one_file_with_a_header_and_the_numbers(tmp_path: Path) -> None:
    """Semicolons, as spreadsheets and tills of this country read them; nothing else is left in the folder."""
    for _ in range(2):
        assert (await FileDrop(str(tmp_path)).merge_customers(NOTICE)).verdict is Verdict.DONE
    ((name, lines),) = files_in(tmp_path)
    assert name == "merge-mrg_1-merged.csv"
    assert lines == [
        "merge_id;event;survivor_number;absorbed_number;card_number_of;at",
        "mrg_1;merged;1002;1001;1001;2026-11-23T09:30:00.125Z",
        "",
    ]


async def test_a_folder_that_is_not_there_is_told_and_tried_again(tmp_path: Path) -> None:
    """A till's share that is not mounted is no reason to lose a notice."""
    attempt = await FileDrop(str(tmp_path / "gone")).merge_customers(NOTICE)
    assert attempt.verdict is Verdict.RETRY
    assert "gone" in attempt.reason
