"""What twtop says of this process's network namespace."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

Kind = Literal["proc", "sock_diag"]
KINDS: tuple[Kind, ...] = ("proc", "sock_diag")
TRIES = 5
"""A reading that does not get the processor in time is incomplete, and says so."""


class Report(NamedTuple):
    """A report as `twtop report --json` prints it."""

    said: Mapping[str, Any]

    def pattern(self, local_ip: str, remote_ip: str, remote_port: int) -> dict[str, Any] | None:
        """The outgoing pattern with these ends."""
        wanted = ("outgoing", local_ip, remote_ip, remote_port)
        names = ("direction", "local_ip", "remote_ip", "remote_port")
        for pattern in self.said["patterns"]:
            if wanted == tuple(pattern[name] for name in names):
                return dict(pattern)
        return None

    def connectable(self, local_ip: str, remote_ip: str, remote_port: int) -> int:
        """How many connect() calls between these ends it says would succeed."""
        pattern = self.pattern(local_ip, remote_ip, remote_port)
        return int(pattern["connectable"] if pattern else self.said["ephemeral"]["capacity"])


def read_report(kind: Kind) -> Report:
    """The report, made in this process."""
    # Costs half the start of a process that may need nothing but sockets.
    from tui.analysis.frame import judge
    from tui.kernel.places import place_at
    from tui.kernel.processes import Owners
    from tui.kernel.source import Source
    from tui.report.whole import to_dict

    for _ in range(TRIES):
        reading = Source(place_at(Path("/proc")), kind, interval=10).read()
        if reading.table.complete:
            break
    assert reading.kind == kind
    assert reading.table.complete
    return Report(to_dict(judge(reading), Owners({})))


def run_report(kind: Kind, *options: str) -> Report:
    """The report as the command makes it."""
    from tests.forked import twtop  # as above

    ran = twtop("report", "--json", "--source", kind, *options)
    assert ran.code == 0, ran.err
    return Report(json.loads(ran.out))
