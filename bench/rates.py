"""How often something can be done per second, measured beside its limit so that noise hits both alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: `quick` for a look, `tiny` for the tests that only see whether a bench runs."""

    quick: bool = False
    tiny: bool = False

    def pick(self, full: int, quick: int, tiny: int) -> int:
        """Return the size that fits."""
        return tiny if self.tiny else quick if self.quick else full

    @property
    def seconds(self) -> float:
        """How long one slice of a measurement takes."""
        return 0.02 if self.tiny else 0.4 if self.quick else 1.0

    @property
    def rounds(self) -> int:
        """How often subject and limit take turns."""
        return 1 if self.tiny else 3 if self.quick else 7


@dataclass(frozen=True, slots=True)
class Turns:
    """What alternating gave: the rates of the round whose ratio is the median."""

    subject: float
    limit: float


def rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often `work` runs per second of processor time: what else the machine does is left out."""
    done, start = 0, time.process_time()
    now, ends = start, start + seconds
    while now < ends:
        work()
        done += 1
        now = time.process_time()
    return done / (now - start)


def wall_rate(work: Callable[[], object], seconds: float) -> float:
    """Return how often `work` runs per second that passes."""
    done, start = 0, time.perf_counter()
    now, ends = start, start + seconds
    while now < ends:
        work()
        done += 1
        now = time.perf_counter()
    return done / (now - start)


def alternate(subject: Callable[[], float], limit: Callable[[], float], rounds: int) -> Turns:
    """Measure subject and limit in turns and return the round with the median ratio, so that a disturbed one drops."""
    subject()
    limit()
    measured = [(subject(), limit()) for _ in range(rounds)]
    measured.sort(key=lambda pair: pair[0] / pair[1])
    return Turns(*measured[(len(measured) - 1) // 2])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def stay_on_core(core: int, process: int = 0) -> None:
    """Keep a process, this one by default, on one core, where the machine has it and the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(process, {core % (os.cpu_count() or 1)})


def memory_bytes(process: int | str = "self") -> int:
    """Return how much memory a process holds (RSS)."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(process: int) -> float:
    """Return the processor time that a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
