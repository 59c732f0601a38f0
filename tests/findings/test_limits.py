from collections.abc import Callable

import pytest

from tests.findings.situations import advice, after, at_once, found, frame_of, only
from tui.findings.finding import Severity
from tui.findings.situation import Situation


def orphans(count: int, limit: str | None = "1000") -> Situation:
    sysctls = {} if limit is None else {"net.ipv4.tcp_max_orphans": limit}
    return at_once(frame_of(counters={"orphan": count}, sysctls=sysctls))


def conntrack(count: int, limit: int = 1000) -> Situation:
    counters = {"nf_conntrack_count": count, "nf_conntrack_max": limit}
    return at_once(frame_of(counters=counters))


def descriptors(count: int, limit: str = "1000") -> Situation:
    return at_once(frame_of(sysctls={"fs.file-nr": f"{count} 0 {limit}", "fs.file-max": limit}))


Made = Callable[[int], Situation]
CASES: list[tuple[str, Made, int, int]] = [
    ("orphans-high", orphans, 500, 800),
    ("conntrack-near-max", conntrack, 800, 950),
    ("descriptors-near-max", descriptors, 800, 950),
]


@pytest.mark.parametrize(("code", "made", "warning", "critical"), CASES)
class TestNearALimit:
    def test_a_warning(self, code: str, made: Made, warning: int, critical: int) -> None:
        for count in (warning, critical - 1):
            finding = only(code, made(count))
            assert finding.severity == Severity.WARNING
            assert count in finding.evidence.values()
            assert finding.evidence["limit"] == 1000
            assert finding.evidence["share"] == count / 1000

    def test_critical(self, code: str, made: Made, warning: int, critical: int) -> None:
        assert only(code, made(critical)).severity == Severity.CRITICAL
        assert "=2000" in advice(only(code, made(critical)))

    def test_not_so_near(self, code: str, made: Made, warning: int, critical: int) -> None:
        assert not found(code, made(warning - 1))

    def test_nothing_known(self, code: str, made: Made, warning: int, critical: int) -> None:
        assert not found(code, at_once(frame_of()))


def test_namespaces_that_do_not_see_the_hosts_limit() -> None:
    assert not found("orphans-high", orphans(10**6, None))


@pytest.mark.parametrize("limit", ["0", "-1", "", "many"])
def test_a_limit_that_is_none(limit: str) -> None:
    assert not found("orphans-high", orphans(10, limit))
    assert not found("descriptors-near-max", descriptors(10, limit))


def test_the_usual_limit_of_files_is_beyond_reach() -> None:
    assert not found("descriptors-near-max", descriptors(10**6, str(2**63 - 1)))


def test_orphans_that_are_reset_now_are_critical_whatever_their_limit_is() -> None:
    """A container does not see the limit."""
    frames = [
        frame_of(
            counters={"orphan": 10, "TCPAbortOnMemory": 7 * second, "TCPMemoryPressures": 0},
            second=second,
        )
        for second in (1, 2, 3)
    ]
    finding = only("orphans-high", after(*frames))
    assert finding.severity is Severity.CRITICAL
    assert finding.evidence["TCPAbortOnMemory_per_second"] == 7
    assert not found("tcp-memory-pressure", after(*frames))
