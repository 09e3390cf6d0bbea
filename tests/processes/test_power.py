"""P2: what was answered survives a power cut, because it was on the disk before the answer left.

The order of the system calls is looked at from outside, with strace; `tests/db/test_power_loss.py` pulls the plug.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.processes.conftest import Start
from tests.processes.outside import Outside, open_program

_BOOKINGS = 1_000
_TILLS = 16
_CALLS = "pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync"
# -D: walletd keeps the process id that was started, and strace runs beside it. A page of the log is 4 096 bytes.
_OPTIONS = ("-f", "-D", "-q", "-y", "-s", "4400", "-e", f"trace={_CALLS}")
_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_MARK = re.compile(r"power-\d{4}")


@dataclass(slots=True)
class Order:
    """What the process did, by the number of the line: writes to the log, its syncs, and answers."""

    written: dict[str, int] = field(default_factory=dict)
    """Mark of a booking → when it was first written to the log."""
    synced: list[tuple[int, int]] = field(default_factory=list)
    """Begin and end of each successful sync of the log."""
    answered: dict[str, int] = field(default_factory=dict)
    """Mark → when its answer began to leave."""
    heads: dict[str, int] = field(default_factory=dict)
    """Socket → when the first part of its latest answer left."""

    def too_early(self) -> list[str]:
        """Return the marks of answers that left before a sync that followed the write."""
        return [
            mark
            for mark, left in self.answered.items()
            if not any(begin > self.written[mark] and end < left for begin, end in self.synced)
        ]


def read_order(trace: Path) -> Order:
    """Read what strace wrote; a call that was interrupted by another thread's stands on two lines."""
    order, open_calls = Order(), dict[str, tuple[int, str]]()
    with trace.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            match = _LINE.match(line)
            if match is None:
                continue
            thread, rest = match["thread"], match["rest"]
            if rest.startswith("<... "):
                begin, call = open_calls.pop(thread, (number, ""))
                _note(order, call + rest, begin, number)
            elif "<unfinished ...>" in rest:
                open_calls[thread] = (number, rest)
                _note_begin(order, rest, number)
            else:
                _note_begin(order, rest, number)
                _note(order, rest, number, number)
    return order


def _note_begin(order: Order, call: str, number: int) -> None:
    """An answer leaves in one write or in two: that it says 201 stands in the first, which booking in the last."""
    target, _, sent = call.partition(",")
    if "<socket:" not in target:
        return
    if "HTTP/1.1 201" in sent:
        order.heads[target] = number
    for mark in _MARK.findall(sent):
        order.answered.setdefault(mark, order.heads[target])


def _note(order: Order, call: str, begin: int, end: int) -> None:
    if "-wal>" not in call.split(",", 1)[0]:
        return
    if call.startswith("pwrite64"):
        for mark in _MARK.findall(call):
            order.written.setdefault(mark, end)
    elif call.startswith(("fdatasync", "fsync")) and call.rstrip().endswith("= 0"):
        order.synced.append((begin, end))


async def _ended(trace: Path, pid: int) -> None:
    """Wait for strace, which outlives the process that it follows by a moment."""
    end = re.compile(rf"^{pid} +\+\+\+ exited", re.MULTILINE)
    for _ in range(200):
        if end.search(await asyncio.to_thread(trace.read_text, errors="replace")):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("strace did not come to its end")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_answer_leaves_before_its_booking_is_on_the_disk(
    outside_sqlite: Outside, start: Start, strace: str, tmp_path: Path
) -> None:
    """P2 a: of 1 000 answers none leaves before a sync that began after its rows were written to the log."""
    outside, trace = outside_sqlite, tmp_path / "trace"
    served = start(outside.environ, under=(strace, *_OPTIONS, "-o", str(trace)))
    await served.ready()
    await open_program(outside)
    cards = [await outside.till.card(outside.program_id, f"Person {number}") for number in range(_TILLS)]
    marks = iter([f"power-{number:04}" for number in range(_BOOKINGS)])

    async def book(serial: str) -> None:
        for mark in marks:
            body = {"card": serial, "type": "credit", "amount": 1, "reference": mark}
            answer = await outside.till.ask("POST", "/api/v1/transactions", body, mark)
            assert answer.status_code == 201

    await asyncio.gather(*(book(card["serial_number"]) for card in cards))
    assert await served.stop() == 0
    await _ended(trace, served.process.pid)
    order = read_order(trace)
    assert len(order.answered) == _BOOKINGS
    assert order.too_early() == []
    assert len(order.synced) > 10


@pytest.mark.parametrize(
    ("calls", "early"),
    [
        (("write", "sync", "answer"), []),
        (("write", "answer", "sync"), ["power-0001"]),
        (("sync", "write", "answer"), ["power-0001"]),
        (("begin sync", "write", "end sync", "answer"), ["power-0001"]),
    ],
)
def test_an_answer_without_a_sync_between_it_and_its_booking_is_found(
    tmp_path: Path, calls: tuple[str, ...], early: list[str]
) -> None:
    """The control of the test above: only a sync that begins after the write and ends before the answer counts."""
    lines = {
        "write": '7 pwrite64(5</data/walletd.sqlite3-wal>, "..power-0001..", 4096, 32) = 4096',
        "sync": "7 fdatasync(5</data/walletd.sqlite3-wal>) = 0",
        "begin sync": "8 fdatasync(5</data/walletd.sqlite3-wal> <unfinished ...>",
        "end sync": "8 <... fdatasync resumed>) = 0",
        "answer": '7 write(9<socket:[1]>, "HTTP/1.1 201 Created\\r\\n", 22) = 22\n'
        '7 write(9<socket:[1]>, "{power-0001}", 12) = 12',
    }
    (tmp_path / "trace").write_text("\n".join(lines[call] for call in calls) + "\n")
    assert read_order(tmp_path / "trace").too_early() == early
