"""What would give a command that was run the ports it wanted."""

from __future__ import annotations

from tui.analysis.frame import Frame
from tui.analysis.tolls import destination_text
from tui.planning.demand import Demand, hottest
from tui.planning.remedies import plan
from tui.planning.setting import Fit, gather
from tui.report.run import Run

MOST = 3


def cures(run: Run, frame: Frame) -> tuple[str, ...]:
    """Return the single changes that bear what was wanted of the fullest destination for ever.

    None where its ports do that as they are. ``frame`` is the last one, with the sysctls and
    sockets that a plan depends on. A connection's own time is taken for short: it was a test.
    """
    destination = run.fullest
    if destination is None or run.wanted(destination) <= run.tolls[destination].sustained:
        return ()
    ip, port = destination_text(destination)
    index = hottest(frame, None, ip, port)
    local = None if index is None else frame.patterns.key(index).local_ip
    options = plan(Demand(run.wanted(destination), 0.0), gather(frame, local, ip, port)).options
    single = [one for one in options if "+" not in one.code]
    return tuple(one.name for one in single if one.outcome.verdict is not Fit.FAILS)[:MOST]
