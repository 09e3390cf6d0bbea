"""A measured figure beside the limit of the same run; only their ratio says anything about another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_HEADINGS = ("figure", "measured", "limit of the same run", "ratio", "to reach", "")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: `measured / limit`, and what that is to be at least, or at most where less is better."""

    what: str
    measured: float
    limit: float
    limit_is: str
    reach: float
    unit: str = "/s"
    at_most: bool = False

    @property
    def ratio(self) -> float:
        """Measured over limit."""
        return self.measured / self.limit if self.limit else 0.0

    @property
    def is_reached(self) -> bool:
        """Whether the goal is met; nothing is judged by it, it is only printed."""
        return self.ratio <= self.reach if self.at_most else self.ratio >= self.reach

    def cells(self) -> tuple[str, ...]:
        """Return the line as text, cell by cell."""
        return (
            self.what,
            _number(self.measured, self.unit),
            f"{_number(self.limit, self.unit)} {self.limit_is}",
            _ratio(self.ratio),
            f"{'≤' if self.at_most else '≥'} {_ratio(self.reach)}",
            "" if self.is_reached else "below" if not self.at_most else "above",
        )

    def line(self) -> str:
        """Return the line that a bench prints when it is done."""
        what, measured, limit, ratio, reach, mark = self.cells()
        return f"{what}: {measured} to {limit} = ratio {ratio}, to reach {reach}{f' ({mark})' if mark else ''}"


def table(figures: Sequence[Figure]) -> str:
    """Return all figures as a Markdown table that is readable as text too."""
    rows = [_HEADINGS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def thousands(count: int) -> str:
    """Return a whole number as people read it: 100 000."""
    return f"{count:,}".replace(",", " ")


def _number(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    shown = f"{value:,.{digits}f}".replace(",", " ")
    return f"{shown}{unit}" if unit.startswith("/") else f"{shown} {unit}"


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}"
