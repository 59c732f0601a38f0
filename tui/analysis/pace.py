"""How fast something goes on, as far as the last minute proves it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.kernel.sockets import Array

EVIDENCE = 6
"""Seconds for which a rate must have been seen before it counts as one: what lasts for less is a
burst, and says nothing of the seconds to come."""
DOUBT = 2.5
"""Standard deviations by which two numbers must differ before they do."""
SPANS = np.array([2, 4, 6, 8, 11, 15, 20, 28, 40, 59])
"""Seconds over which a steady rate is looked for."""
QUARTERS = np.array([3, 4, 5, 6, 8, 10, 12, 14])
"""Seconds of each of four spans, one after the other, over which a rise is looked for."""
EDGES = QUARTERS[:, None] * np.arange(5)
VAGUE = 0.06
"""What part of a rate its error may be, one standard deviation, for the rate to count."""
CLEAR = 2
"""Standard deviations of each of the three steps of a rise."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What goes on, per second, for each of n rows; arrays of shape (n,)."""

    rate: Array
    """As it is now, by the best guess."""
    rise: Array
    """By how much it changes each second, 0 where that may be chance."""
    sure: Array
    """What of the rate is beyond doubt; 0 where too little was seen."""
    seconds: Array
    """For how long it has been seen."""

    def of(self, rows: slice) -> Pace:
        """Return these rows alone."""
        return Pace(self.rate[rows], self.rise[rows], self.sure[rows], self.seconds[rows])


def pace(
    counts: Array,
    known: Array,
    swing: Array | float = 0.0,
    apart: float = 1.0,
    vague: Array | float = VAGUE,
) -> Pace:
    """Tell how things go on that were counted in each second, newest first, shape (n, 60).

    ``known`` says how many of these seconds are told of in full, ``apart`` how many seconds lay
    between two looks; ``swing`` is the variance that a sum over any span has besides, ``vague``
    what part of a rate its error may be. Noise is taken for what random arrivals have, or for
    what the last seconds show where that is more.
    """
    # What is not known goes on as the oldest that is.
    told = np.minimum(np.arange(counts.shape[1]), np.maximum(known[:, None] - 1, 0))
    counts = np.take_along_axis(counts, told.astype(np.intp), axis=1).astype(float)
    steps = np.sort(np.abs(np.diff(counts[:, :12], axis=1)), axis=1)
    spread = 1.05 * steps[:, 5:6]  # their median
    base = _opened(counts)
    counts = np.minimum(counts, base + 4 * np.maximum(np.sqrt(np.maximum(base, 1)), spread))
    total = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=total[:, 1:])
    size = total
    if counts.min(initial=0) < 0:
        size = np.zeros_like(total)
        np.cumsum(np.abs(counts), axis=1, out=size[:, 1:])
    rows = np.arange(len(counts))

    # The longest span of one rate: each is as the one before it, as far as noise lets one see.
    at = total[:, SPANS]
    mean, more = at / SPANS, np.diff(at, axis=1) / np.diff(SPANS)
    sizes = size[:, SPANS] / SPANS
    noise = np.maximum(sizes[:, 1:], spread**2)
    alike = np.abs(more - mean[:, :-1]) <= DOUBT * np.sqrt(
        noise * (1 / SPANS[:-1] + 1 / np.diff(SPANS))
    )
    alike &= SPANS[1:] <= known[:, None]
    longest = np.logical_and.accumulate(alike, axis=1).sum(axis=1)
    span, rate = SPANS[longest], mean[rows, longest]
    noise = np.maximum(np.maximum(sizes[rows, longest], spread[:, 0] ** 2) * span, swing)
    seen = span >= max(EVIDENCE, 3 * apart)
    seen &= np.sqrt(noise) <= vague * np.abs(rate) * span
    sure = np.where(seen, rate - DOUBT * np.sqrt(noise) / span, 0)

    # A rise is what each of four spans has more than the one before, the least of the three: one
    # step shows in two of them at most.
    parts = np.diff(total[:, EDGES], axis=2) / QUARTERS[:, None]
    steps = parts[:, :, :-1] - parts[:, :, 1:]
    low, high = steps.min(axis=2), steps.max(axis=2)
    least = np.where(low > 0, low, np.minimum(high, 0))
    noise = np.maximum(size[:, 4 * QUARTERS] / (4 * QUARTERS), spread**2)
    clear = np.abs(least) / np.sqrt(np.maximum(2 * noise / QUARTERS, 1e-9))
    clear *= known[:, None] >= 4 * QUARTERS
    best = clear.argmax(axis=1)
    quarter = QUARTERS[best]
    proven = (clear[rows, best] > CLEAR) & (4 * quarter >= max(EVIDENCE, 4 * apart))
    step, newest = steps[rows, best].mean(axis=1), parts[rows, best, 0]
    noise = np.maximum(noise[rows, best] * quarter, swing)
    least = newest - DOUBT * np.sqrt(noise) / quarter
    return Pace(
        rate=np.where(proven, newest + step / 2, rate),
        rise=np.where(proven, step / quarter, 0.0),
        sure=np.maximum(np.where(proven, np.where(step > 0, least, least + step / 2), sure), 0),
        seconds=np.where(proven, 4 * quarter, span),
    )


def _opened(counts: Array) -> Array:
    """Return the counts without what stands out of them for less than EVIDENCE seconds."""
    width = counts.shape[1] - EVIDENCE + 1
    low = counts[:, :width]
    for shift in range(1, EVIDENCE):
        low = np.minimum(low, counts[:, shift : shift + width])
    high = np.full_like(counts, -np.inf)
    for shift in range(EVIDENCE):
        part = high[:, shift : shift + width]
        np.maximum(part, low, out=part)
    return high
