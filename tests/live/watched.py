"""A watch that counts what the kernel refuses in this thread's network namespace."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from tui.analysis.patterns import PatternKey
from tui.analysis.refused import Agreed, Tallies, Tally
from tui.findings.finding import Finding
from tui.kernel.places import place_at
from tui.kernel.refusals import Refusals
from tui.kernel.source import Source
from tui.watching.view import View
from tui.watching.watch import Watch

LATE_SECONDS = 0.1
"""Refusals are told some 20 ms after they came."""


class Watched:
    """Reads the tables when it is asked to."""

    def __init__(self) -> None:
        self.source = Source(place_at(Path("/proc")), "sock_diag", interval=10)
        self.watch = Watch()
        self.refusals = Refusals()
        self.watch.count(self.refusals)

    def look(self, late: float = LATE_SECONDS) -> View:
        """A view with all that was refused so far."""
        time.sleep(late)
        return self.watch.take(self.source.read())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.refusals.close()


def tallies(view: View) -> Tallies:
    assert view.trends.refused is not None
    return view.trends.refused


def told(view: View, key: PatternKey) -> tuple[Tally, Agreed]:
    """What is told of one tuple."""
    found = tallies(view)
    return found.tuples.get(key, Tally()), found.agreed.get(key, Agreed())


def finding(view: View, code: str) -> Finding | None:
    """The finding of this code, if there is one."""
    return next((case.finding for case in view.cases.present if case.finding.code == code), None)
