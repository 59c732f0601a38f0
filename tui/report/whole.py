"""One Frame as JSON, the contract's keys in its order (schemas/report.schema.json)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from tui.analysis.frame import Frame
from tui.kernel.processes import Owners
from tui.report.records import (
    ephemeral_record,
    head,
    listener_records,
    pattern_records,
    remote_records,
    rows_by_pattern,
    socket_records,
    states_record,
    time_wait_record,
)

if TYPE_CHECKING:
    from tui.records import ReportJson, SysctlRecord

SCHEMA = "twtop.report/1"


def to_json(frame: Frame, owners: Owners, *, details: bool = False) -> str:
    """Return the report as one JSON object in a line, the contract's keys in its order."""
    return json.dumps(to_dict(frame, owners, details=details), ensure_ascii=False)


def to_dict(frame: Frame, owners: Owners, *, details: bool = False) -> ReportJson:
    """Return the report as plain Python data.

    ``details`` adds the key "sockets": every quadruplet, in the order of the patterns.
    """
    report: ReportJson = {
        **cast("ReportJson", head(frame, SCHEMA)),
        "states": states_record(frame),
        "ephemeral": ephemeral_record(frame),
        "time_wait": time_wait_record(frame),
        "patterns": list(pattern_records(frame, owners)),
        "remote_ips": list(remote_records(frame)),
        "listeners": list(listener_records(frame, owners)),
        "sysctls": [cast("SysctlRecord", asdict(one)) for one in frame.reading.parameters],
        "counters": dict(frame.counters),
    }
    if details:
        rows = rows_by_pattern(frame)
        report["sockets"] = list(socket_records(frame, rows, owners.by_inode))
    return report
