"""Loads drawn at random, and what a kernel would show of them: exact ports, polls each second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tui.analysis.forecast import NEVER
from tui.analysis.timewait import SECONDS
from tui.kernel.sockets import Array

POLLS = 150
"""Seconds for which each load is watched, or until no port is left."""
KINDS = (
    "steady",
    "ramp",
    "staircase",
    "burst",
    "several bursts",
    "levelling off",
    "levelling after a ramp",
    "reuse",
    "leak",
    "burst of opens",
    "burst on a load",
    "drain",
)


@dataclass(frozen=True)
class Load:
    """Connections: when each is opened and closed, in seconds from the first poll."""

    kind: str
    capacity: int
    hold: float
    opened: Array
    closed: Array
    reused: bool = False

    def end(self) -> float:
        """When the last port is taken, NEVER if that does not happen while it is watched."""
        times = np.concatenate([self.opened, self.closed + self.hold])
        change = np.repeat([1, -1], len(self.opened))
        order = np.argsort(times, kind="stable")
        full = np.flatnonzero(np.cumsum(change[order]) >= self.capacity)
        end = float(times[order][full[0]]) if len(full) else NEVER
        return end if end < POLLS else NEVER


def arrivals(rng: np.random.Generator, rates: Array, noise: str) -> Array:
    """Times of what comes at these rates, tenth of a second by tenth, at random or evenly."""
    expected = np.concatenate([[0], np.cumsum(rates / 10)])
    grid = np.arange(len(rates) + 1) / 10
    if noise == "even":
        numbers = np.arange(0.5, expected[-1])
    else:
        size = rng.poisson(expected[-1])
        numbers = np.sort(rng.uniform(0, expected[-1], size))
    return np.interp(numbers, expected, grid)


def draw(rng: np.random.Generator, kind: str) -> Load:
    """Draw a load of this kind: its size, its rate, its noise, when it begins."""
    capacity = int(rng.choice([300, 1000, 1000, 4000]))
    hold = float(rng.choice([60.0] * 8 + [5.0, 120.0]))
    begin = float(rng.uniform(0.3, 20))
    noise = str(rng.choice(["even", "random"]))
    time = np.arange(10 * (POLLS + 100)) / 10 - begin  # 100 s more than are watched
    on = (time >= 0).astype(float)
    full = capacity / hold  # the rate that fills it
    life = float(rng.choice([0.002, 0.3, 3.0]))
    match kind:
        case "steady":
            rates = on * full * rng.uniform(0.2, 4)
        case "ramp":
            rates = on * time * 2 * capacity / rng.uniform(15, 90) ** 2
        case "staircase":
            step, wide = full * rng.uniform(0.3, 0.6), float(rng.uniform(3, 9))
            rates = on * step * np.ceil((time + 1e-9) / wide)
        case "burst":
            seconds = float(rng.uniform(0.1, 4))
            rates = on * (time < seconds) * capacity * rng.uniform(0.2, 0.9) / seconds
        case "several bursts":
            apart, seconds = float(rng.uniform(10, 30)), float(rng.uniform(0.2, 2))
            size = capacity * rng.uniform(0.05, 0.95) / (60 // apart + 1)
            rates = on * (time % apart < seconds) * size / seconds
        case "levelling off":
            rates = on * full * rng.uniform(0.5, 0.97)
        case "levelling after a ramp":
            rates = on * full * rng.uniform(0.4, 0.95) * np.minimum(time / rng.uniform(5, 60), 1)
        case "reuse":
            capacity, life = min(capacity, 1000), min(life, 0.3)
            rates = on * capacity * rng.uniform(0.05, 0.6)
        case "leak" | "burst of opens":
            rates = on * full * rng.uniform(0.1, 0.6)
        case "burst on a load":
            rates = on * full * rng.uniform(0.1, 0.5)
        case _:
            rates = 0 * on
    opened = arrivals(rng, rates, noise)
    closed = opened + (life if noise == "even" else rng.exponential(life, len(opened)))
    extra = np.empty(0)
    last = np.inf
    match kind:
        case "leak":
            extra = arrivals(rng, on * capacity / rng.uniform(20, 120), noise)
        case "burst of opens" | "burst on a load":
            size = int(capacity * rng.uniform(0.1, 0.4))
            extra = begin + rng.uniform(5, 60) + np.sort(rng.uniform(0, rng.uniform(0.1, 3), size))
            if kind == "burst on a load":
                last = life
        case "drain":
            size = int(capacity * rng.uniform(0.2, 0.8))
            opened = begin + np.sort(rng.uniform(0, 2, size))
            closed = 25 + np.sort(rng.uniform(0, rng.uniform(5, 40), size))
    opened = np.concatenate([opened, extra])
    closed = np.concatenate([closed, extra + last])
    if kind == "reuse":
        return Load(kind, capacity, 1.0, opened, closed, reused=True)
    return Load(kind, capacity, hold, opened, closed)


@dataclass(frozen=True)
class Seen:
    """What the polls of a load see: at each its open sockets, and its closings by age."""

    live: Array
    closings: Array


def seen(rng: np.random.Generator, load: Load) -> Seen:
    """Poll a load once a second."""
    polls = np.arange(POLLS)
    live = np.searchsorted(np.sort(load.opened), polls, "right")
    live -= np.searchsorted(np.sort(load.closed), polls, "right")
    keeps = taken_over(rng, load) if load.reused else np.full(len(load.closed), load.hold)
    second = np.ceil(load.closed)  # the first poll after it
    polled = np.zeros(len(second), int)  # how many polls see it
    seen_ = second < POLLS
    polled[seen_] = (np.ceil(load.closed[seen_] + keeps[seen_]) - second[seen_]).astype(int)
    closings = np.zeros((POLLS, SECONDS))
    for age in range(polled.max(initial=0)):
        at = (second[polled > age] + age).astype(int)
        closings[:, min(age, SECONDS - 1)] += np.bincount(at, minlength=POLLS)[:POLLS]
    return Seen(live, closings)


def taken_over(rng: np.random.Generator, load: Load) -> Array:
    """How long each TIME-WAIT is there: connect() takes any free port or one of a second."""
    opened, closed = load.opened.tolist(), load.closed.tolist()
    last = [-1] * load.capacity
    gone = [60.0] * len(opened)
    ports = _drawn(rng, load.capacity)
    for number in np.argsort(load.opened, kind="stable").tolist():
        now = opened[number]
        for port in ports:
            holder = last[port]
            if holder < 0 or now >= closed[holder] + load.hold:
                break
        if holder >= 0:
            gone[holder] = min(60.0, now - closed[holder])
        last[port] = number
    return np.array(gone)


def _drawn(rng: np.random.Generator, below: int) -> Iterator[int]:
    """Whole numbers without end: many at a time, for each call costs as much as a hundred."""
    while True:
        yield from rng.integers(below, size=1000).tolist()
