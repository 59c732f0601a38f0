from dataclasses import replace

from tests.findings.situations import advice, at_once, found, frame_of, only
from tests.tables import Sock
from tui.analysis.frame import Frame
from tui.findings.finding import Severity


def garbled(frame: Frame, lines: int) -> Frame:
    table = replace(frame.table, bad_lines=lines)
    return replace(frame, reading=replace(frame.reading, table=table))


def test_a_table_that_was_cut_short() -> None:
    finding = only("incomplete-table", at_once(frame_of(Sock(), complete=False)))
    assert finding.severity == Severity.WARNING
    assert (finding.evidence["sockets"], finding.evidence["complete"]) == (1, 0)
    assert "floors" in finding.meaning
    assert "--source sock_diag" in advice(finding)


def test_lines_that_could_not_be_read() -> None:
    finding = only("incomplete-table", at_once(garbled(frame_of(Sock()), 2)))
    assert finding.severity == Severity.INFO
    assert finding.evidence["bad_lines"] == 2
    assert "2 lines could not be read" in finding.message


def test_a_whole_one() -> None:
    assert not found("incomplete-table", at_once(frame_of(Sock())))


def test_by_netlink_there_is_no_netlink_to_turn_to() -> None:
    frame = frame_of(Sock(), complete=False)
    frame = replace(frame, reading=replace(frame.reading, kind="sock_diag"))
    assert "-i 2" in advice(only("incomplete-table", at_once(frame)))
