"""Situation: all that a rule may look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tui.analysis.bind_first import BoundFirst, find_bound_first
from tui.analysis.frame import Frame
from tui.analysis.judgement import pattern_levels
from tui.analysis.trends import Holder, Trends
from tui.findings.baseline import Baseline
from tui.findings.config import Config
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array


@dataclass(frozen=True)
class Situation:
    """One frame, with what is known besides."""

    frame: Frame
    owners: Owners = field(default_factory=lambda: Owners({}))
    trends: Trends | None = None
    """What the frames up to this one say; None for a command that looks once."""
    config: Config = field(default_factory=Config)
    baseline: Baseline | None = None
    """The listeners that the user has saved; None if never."""

    @cached_property
    def levels(self) -> Array:
        """The Level of every pattern by the user's threshold, shape (patterns,)."""
        return pattern_levels(self.frame.patterns, self.config.ports.threshold)

    @cached_property
    def bound_first(self) -> tuple[BoundFirst, ...]:
        """The local IPs whose clients seem to bind before they connect."""
        limits = self.config.bind_first
        return find_bound_first(self.frame, limits.destinations, limits.use)

    def setting(self, name: str) -> str | None:
        """Return the text of a sysctl such as ``net.core.somaxconn``, None if unknown."""
        return self.frame.reading.setting(name)

    def number(self, name: str) -> int | None:
        """Return a sysctl that is one number of 0 or more, None if it is not, or unknown."""
        return self.frame.reading.number(name)

    def rate(self, counter: str) -> float | None:
        """Return a kernel counter's increase per second, None where it is not known twice."""
        return None if self.trends is None else self.trends.rates.get(counter)

    def holder(self, pattern: int) -> str | None:
        """Return who holds a pattern's sockets, or is remembered to have held them."""
        if self.trends is not None:
            remembered = self.trends.holders.get(pattern)
            return None if remembered is None else str(remembered)
        if not self.owners.by_inode and not self.owners.held:
            return None
        # The most sockets a thousand rows of it have: enough for a name, whatever its size.
        rows = np.flatnonzero(self.frame.patterns.member == pattern)
        inodes = self.frame.table.inode[rows]
        holders = map(self.owners.by_inode.get, inodes[inodes > 0][:1000].tolist())
        found = Counter(str(process) for process in holders if process is not None)
        if found:
            return found.most_common(1)[0][0]
        held = self.owners.held.get(self.frame.patterns.key(pattern))
        return None if held is None else str(Holder(held, not self.frame.patterns.live[pattern]))
