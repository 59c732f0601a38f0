"""How long a closed connection keeps its port."""

from __future__ import annotations

from dataclasses import dataclass

from tui.kernel.port_rules import PortRules

USUAL_HZ = 250
"""CONFIG_HZ where it is not known, as of a copy: what most distributions build with."""


@dataclass(frozen=True, slots=True)
class Hold:
    """From a connection's close until connect() can have its port again, in seconds."""

    seconds: float
    """At the earliest: the length of TIME-WAIT, or with tcp_tw_reuse its delay."""
    late: float = 0.0
    """How much later at most: the timer wheel's rounding."""

    @property
    def longest(self) -> float:
        """What to plan with: a port that may still be held is not there yet."""
        return self.seconds + self.late

    def __str__(self) -> str:
        """Return it in words, both ends where they differ by a second: ``60–62 s``, ``1 s``."""
        first, last = f"{self.seconds:g}", f"{round(self.longest)}"
        return f"{first} s" if self.late < 1 else f"{first}–{last} s"

    def sustains(self, capacity: int, lifetime: float = 0.0) -> float:
        """Return the new connections per second that so many ports bear for ever.

        Each takes its port for its ``lifetime``, in seconds, and then for the hold: the delay of
        tcp_tw_reuse, too, begins at the close (net/ipv4/tcp_ipv4.c, tcp_twsk_unique). Infinite
        where neither lasts.
        """
        each = lifetime + self.longest
        return capacity / each if each else float("inf")


def hold(rules: PortRules, *, reuse: bool, hz: int = USUAL_HZ) -> Hold:
    """Return how long ports are held, with or without tcp_tw_reuse."""
    if reuse:
        return Hold(rules.reuse_delay_ms / 1000)
    seconds = rules.time_wait_ms / 1000
    return Hold(seconds, wheel_slack(seconds, hz))


def length_text(rules: PortRules) -> str:
    """Say how long a TIME-WAIT lasts, and what decides it."""
    by = "set by tcp_tw_timeout" if rules.time_wait_set else "compiled in"
    return f"{seconds_text(rules)}, {by}"


def seconds_text(rules: PortRules) -> str:
    """Return how long a TIME-WAIT lasts: ``60 s`` nearly everywhere."""
    return f"{rules.time_wait_ms // 1000} s"


def wheel_slack(seconds: float, hz: int) -> float:
    """Return by how many seconds the kernel may end a timer of this length too late.

    Longer timers stand in coarser levels of the wheel, each eight times as coarse as the one
    before (kernel/time/timer.c, calc_wheel_index): 60 s end up to 2.05 s late at HZ=250 (measured:
    60.03–62.07 s), 4.1 s at 1000, 5.1 s at 100.
    """
    jiffies, level = seconds * hz, 0
    while jiffies >= 63 << (3 * level):
        level += 1
    return float((1 << (3 * level)) / hz) if level else 1 / hz


TIME_WAIT = Hold(60.0, wheel_slack(60.0, USUAL_HZ))
"""A TIME-WAIT that nothing takes over, where HZ is not known."""
