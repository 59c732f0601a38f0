from dataclasses import replace

import pytest

from tests.findings.situations import advice, after, at_once, found, frame_of, only, waits
from tests.tables import Sock
from tui.analysis.frame import Frame
from tui.findings.finding import Severity
from tui.findings.rules.reading import LASTS_SECONDS
from tui.findings.situation import Situation


def garbled(frame: Frame, lines: int) -> Frame:
    table = replace(frame.table, bad_lines=lines)
    return replace(frame, reading=replace(frame.reading, table=table))


def test_a_table_that_was_cut_short() -> None:
    finding = only("incomplete-table", at_once(frame_of(Sock(), complete=False)))
    assert finding.severity == Severity.WARNING
    assert (finding.evidence["sockets"], finding.evidence["complete"]) == (1, 0)
    assert "counts are minimums" in finding.meaning
    assert "--source sock_diag" in advice(finding)


def cut_for(seconds: float, *, bad_lines: int = 0) -> Situation:
    """A whole table that has stood in for those that were cut short since."""
    frame = garbled(frame_of(Sock(), second=seconds + 1), bad_lines)
    kept = replace(frame.reading, table_time=frame.time - seconds - 1)
    situation = after(replace(frame, reading=kept))
    assert situation.trends is not None
    return replace(situation, trends=replace(situation.trends, cut_short_seconds=seconds))


def test_one_cut_read_is_made_good_by_the_next() -> None:
    assert not found("incomplete-table", cut_for(LASTS_SECONDS - 0.1))
    assert only("incomplete-table", cut_for(LASTS_SECONDS - 0.1, bad_lines=2))


def test_reads_that_are_cut_short_one_after_the_other() -> None:
    finding = only("incomplete-table", cut_for(LASTS_SECONDS))
    assert finding.severity == Severity.WARNING
    assert finding.message == "No complete read of the socket table for 5 s"
    assert "from the last complete one, 6 s ago" in finding.meaning
    assert finding.evidence == {
        "sockets": 1,
        "bad_lines": 0,
        "complete": 0,
        "table_age_seconds": 6,
    }
    assert "--source sock_diag" in advice(finding)


def test_lines_that_could_not_be_read() -> None:
    finding = only("incomplete-table", at_once(garbled(frame_of(Sock()), 2)))
    assert finding.severity == Severity.WARNING
    assert finding.evidence["bad_lines"] == 2
    assert "2 lines could not be read" in finding.message


def test_a_whole_one() -> None:
    assert not found("incomplete-table", at_once(frame_of(Sock())))


def test_by_netlink_there_is_no_netlink_to_turn_to() -> None:
    frame = frame_of(Sock(), complete=False)
    frame = replace(frame, reading=replace(frame.reading, kind="sock_diag"))
    assert "-i 2" in advice(only("incomplete-table", at_once(frame)))


def seen(frame: Frame, *, bound_known: bool, copy: bool = False) -> Situation:
    place = replace(frame.reading.place, kind="copy" if copy else "host")
    table = replace(frame.table, bound_known=bound_known)
    return at_once(replace(frame, reading=replace(frame.reading, table=table, place=place)))


def test_bound_sockets_that_cannot_be_seen_make_the_capacity_an_upper_bound() -> None:
    finding = only("bound-ports-unknown", seen(frame_of(Sock()), bound_known=False))
    assert finding.severity == Severity.INFO
    assert finding.evidence == {"capacity": 1000}
    assert not found("bound-ports-unknown", seen(frame_of(Sock()), bound_known=True))
    assert not found("bound-ports-unknown", seen(frame_of(Sock()), bound_known=False, copy=True))


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize(
    ("ports", "bound", "matters"),
    [(300, 399, False), (300, 400, True), (0, 999, False), (0, 1000, True)],
)
def test_bound_sockets_that_may_be_enough_to_matter_are_a_warning(
    ports: int, bound: int, matters: bool, copy: bool
) -> None:
    """Of 1,000 ports: half of those left, or none for the first connection of an empty place."""
    counters = {"inuse": 0, "tw": ports, "alloc": 5000, "used": bound}
    situation = seen(frame_of(*waits(ports), counters=counters), bound_known=False, copy=copy)
    if not matters and (copy or not ports):
        assert not found("bound-ports-unknown", situation)
        return
    finding = only("bound-ports-unknown", situation)
    assert finding.severity == (Severity.WARNING if matters else Severity.INFO)
    assert finding.evidence == {"capacity": 1000, "bound_at_most": bound}


@pytest.mark.parametrize(
    ("uid", "complete", "bound"),
    [(1000, True, 100), (0, True, 500), (65534, True, 500), (1000, False, 500)],
)
def test_a_programs_connections_are_none_of_the_bound_sockets(
    uid: int, complete: bool, bound: int
) -> None:
    """Root's may be the kernel's own, which no program has made; and what was not read as well."""
    socks = (Sock(local_port=40000 + port, uid=uid, inode=port + 1) for port in range(400))
    counters = {"inuse": 400, "alloc": 5000, "used": 500}
    situation = seen(frame_of(*socks, counters=counters, complete=complete), bound_known=False)
    assert only("bound-ports-unknown", situation).evidence["bound_at_most"] == bound


def test_a_copy_is_to_be_made_anew() -> None:
    situation = seen(frame_of(Sock(), complete=False), bound_known=True, copy=True)
    assert "--source sock_diag" not in advice(only("incomplete-table", situation))
