"""Where the kernel refuses and the table has ports, or the table has none and the kernel serves."""

from __future__ import annotations

import pytest

from tests.findings.test_rules import check
from tests.tables import Sock, waiting
from tests.watching.refusing import Seconds, refused
from tui.findings.finding import Finding, Severity
from tui.kernel.refusals import Refused
from tui.watching.view import View

FREE = "refused-with-ports-free"


def opened(count: int, port: int = 443, first: int = 40_000) -> list[Sock]:
    return [Sock(local_port=first + n, remote_port=port) for n in range(count)]


def found(view: View, code: str = FREE) -> Finding | None:
    findings = [case.finding for case in view.cases.present]
    check(findings)
    return next((each for each in findings if each.code == code), None)


def said(socks: list[Sock], who: Refused, code: str = FREE) -> Finding | None:
    seconds = Seconds()
    for _ in range(3):
        view = seconds.pass_by(socks, {who: 2})
    return found(view, code)


def test_a_range_of_its_own_is_told_where_its_ports_fill_one() -> None:
    finding = said(opened(5), refused())
    assert finding is not None
    assert finding.severity is Severity.CRITICAL
    assert finding.evidence["own_range"] == "40000–40004"
    assert (finding.evidence["connectable"], finding.evidence["refused"]) == (5, 6)
    assert "IP_LOCAL_PORT_RANGE" in finding.remedies[0].what


def test_scattered_ports_are_no_range_of_its_own() -> None:
    scattered = [Sock(local_port=40_000 + 3 * n) for n in range(3)]
    finding = said(scattered, refused())
    assert finding is not None
    assert "own_range" not in finding.evidence


def test_ports_that_others_hold_come_first_where_they_are_the_range() -> None:
    finding = said(opened(10, port=5432), refused())
    assert finding is not None
    assert finding.evidence["in_use_elsewhere"] == 10
    assert "IP_BIND_ADDRESS_NO_PORT" in finding.remedies[0].what


@pytest.mark.parametrize("namespace", [None, "here"])
def test_another_namespace_is_told_where_it_can_be_one(namespace: str | None) -> None:
    ended = refused(None, None)
    finding = said(opened(2, first=40_003), refused() if namespace else ended)
    assert finding is not None
    assert ("namespace_unknown" in finding.evidence) is (namespace is None)
    if namespace is None:
        assert finding.remedies[0].command == "sudo twtop refusals"


def test_a_full_pattern_has_its_own_finding_with_what_was_refused() -> None:
    full = [waiting(40_000 + n) for n in range(10)]
    finding = said(full, refused(), "ports-exhausted")
    assert finding is not None
    assert finding.evidence["refused"] == 6
    assert said(full, refused()) is None


def test_nothing_is_said_of_what_is_counted_no_more_or_long_ago() -> None:
    seconds = Seconds()
    for _ in range(3):
        view = seconds.pass_by(opened(5), {refused(): 2})
    assert found(view) is not None
    seconds.counting.broken = "gone"
    assert found(seconds.pass_by(opened(5))) is None
    seconds = Seconds()
    for _ in range(3):
        seconds.pass_by(opened(5), {refused(): 2})
    for _ in range(60):
        view = seconds.pass_by(opened(5))
    assert found(view) is None


def test_our_own_error_is_told_beside_the_exhaustion() -> None:
    seconds = Seconds()
    for _ in range(4):
        view = seconds.pass_by([waiting(40_000 + n, 59_500) for n in range(10)])
    finding = found(view, "exhausted-yet-served")
    assert finding is not None
    assert finding.severity is Severity.WARNING
    assert found(view, "ports-exhausted") is not None


def test_a_full_pattern_that_nobody_tries_is_no_error() -> None:
    seconds = Seconds()
    for second in range(4):
        view = seconds.pass_by([waiting(40_000 + n, 30_000 - 1000 * second) for n in range(10)])
    assert found(view, "exhausted-yet-served") is None
