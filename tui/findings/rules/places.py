"""What is true of one place and not of the host around it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tui.analysis.judgement import Level
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation


def host_range(situation: Situation) -> Iterator[Finding]:
    """Tell that the host's range is wider, where a place is short of ports: it does not help."""
    frame, reading = situation.frame, situation.frame.reading
    if reading.host_range is None or frame.assumed:
        return
    (low, high), ports = reading.host_range, frame.ports
    short = situation.levels > Level.FINE
    if high - low + 1 <= ports.size or not short.any():
        return
    index = int(np.flatnonzero(short)[0])
    yield Finding(
        code="host-range-wider",
        severity=Severity.INFO,
        subject="ip_local_port_range",
        message=f"{reading.place.name} does not use the host's ports {low}–{high}: it has "
        f"{ports.low}–{ports.high}",
        meaning="The host's range does not apply inside it. A network namespace starts with the "
        f"kernel's default 32768–60999, whatever the host uses. It has {ports.size:,} "
        f"ports; the host has {high - low + 1:,}.",
        evidence={
            "low": ports.low,
            "high": ports.high,
            "host_low": low,
            "host_high": high,
        },
        remedies=(
            Remedy(
                f"Set the range here too: {high - low + 1:,} ports per destination instead of "
                f"{ports.size:,}",
                f'sysctl -w net.ipv4.ip_local_port_range="{low} {high}"',
                "programs here listen on ports in the wider range: reserve those",
            ),
        ),
        pattern=frame.patterns.key(index),
    )
