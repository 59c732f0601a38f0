"""Areas of Braille dots: two columns a cell, each from empty to full in four steps."""

from __future__ import annotations

from collections.abc import Sequence

BRAILLE = (
    " "
    + "".join(
        chr(0x2800 + left + right)
        for left in (0, 0x40, 0x44, 0x46, 0x47)
        for right in (0, 0x80, 0xA0, 0xB0, 0xB8)
    )[1:]
)  # the dots of each column from below
STEPS = 4


def area(values: Sequence[float]) -> str:
    """Return values from 0 to 1 as one line, two of them a cell; what is above 0 shows a dot."""
    steps = [min(max(round(value * STEPS), 1), STEPS) if value > 0 else 0 for value in values]
    steps += [0] * (len(steps) % 2)
    cells = zip(steps[::2], steps[1::2], strict=True)
    return "".join(BRAILLE[(STEPS + 1) * left + right] for left, right in cells)
