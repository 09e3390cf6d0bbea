"""Where the slots of a stamp card stand on its strip."""

from __future__ import annotations

import math
from typing import Protocol

MOST_SLOTS = 30
_STRIP = (375, 144)
_SMALLEST = 12
"""Points; below this a stamp is a dot."""


class StampLayout(Protocol):
    """The table `[stamps]` of template.toml; lengths in points of a strip of 375 x 144."""

    @property
    def margin_x(self) -> int:
        """Free at the left and at the right."""

    @property
    def margin_y(self) -> int:
        """Free above and below."""

    @property
    def gap(self) -> int:
        """Free between two stamps."""

    @property
    def largest(self) -> int:
        """The side of a stamp that has room enough."""

    @property
    def one_row_up_to(self) -> int:
        """Up to so many slots stand in one row."""

    @property
    def two_rows_up_to(self) -> int:
        """Up to so many slots stand in two rows; more in three."""


def place_slots(layout: StampLayout, slots: int) -> tuple[float, list[tuple[float, float]]]:
    """Return the side of a stamp and the centre of each slot, in points, row by row from the left upper corner.

    Rows differ by one slot at most, the fuller ones above, and each row is centred on the strip. Raises ValueError
    where the template's margins and gaps leave no room.
    """
    rows = 1 if slots <= layout.one_row_up_to else 2 if slots <= layout.two_rows_up_to else 3
    columns = math.ceil(slots / rows)
    width, height = _STRIP[0] - 2 * layout.margin_x, _STRIP[1] - 2 * layout.margin_y
    side = min(
        layout.largest,
        (width - layout.gap * (columns - 1)) / columns,
        (height - layout.gap * (rows - 1)) / rows,
    )
    if side < _SMALLEST:
        raise ValueError(f"{slots} slots would be {side:.0f} points wide; [stamps] in template.toml leaves no room.")
    step = side + layout.gap
    top = (_STRIP[1] - (rows - 1) * step) / 2
    centres = []
    for row in range(rows):
        in_row = slots // rows + (row < slots % rows)
        left = (_STRIP[0] - (in_row - 1) * step) / 2
        centres += [(left + column * step, top + row * step) for column in range(in_row)]
    return side, centres
