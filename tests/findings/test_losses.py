"""What the kernel's counters say while they are watched: now, or that it has happened."""

import pytest

from tests.findings.situations import after, at_once, found, frame_of, only
from tui.findings.finding import Severity
from tui.findings.situation import Situation

CODES = [
    ("snat-clashes", "nf_conntrack_insert_failed", Severity.WARNING),
    ("tw-recycle-drops-clients", "PAWSPassive", Severity.CRITICAL),
    ("tcp-memory-pressure", "TCPMemoryPressures", Severity.WARNING),
    ("tcp-memory-pressure", "TCPAbortOnMemory", Severity.CRITICAL),
]


def watched(counter: str, *totals: int) -> Situation:
    return after(
        *(frame_of(counters={counter: total}, second=2 * n) for n, total in enumerate(totals))
    )


@pytest.mark.parametrize(("code", "counter", "severity"), CODES)
class TestWatched:
    def test_a_counter_that_rises(self, code: str, counter: str, severity: Severity) -> None:
        finding = only(code, watched(counter, 1000, 1003))
        assert finding.severity == severity
        name = counter.removeprefix("nf_conntrack_")
        assert finding.evidence[f"{name}_per_second"] == 1.5

    def test_one_that_stands_has_happened(
        self, code: str, counter: str, severity: Severity
    ) -> None:
        assert only(code, watched(counter, 1000, 1000)).severity == Severity.INFO

    def test_one_that_is_zero(self, code: str, counter: str, severity: Severity) -> None:
        assert not found(code, watched(counter, 0, 0))


@pytest.mark.parametrize(("count", "severity"), [(99, Severity.INFO), (100, Severity.WARNING)])
def test_few_clashes_in_all_that_time_are_of_no_weight(count: int, severity: Severity) -> None:
    frame = frame_of(counters={"nf_conntrack_insert_failed": count})
    assert only("snat-clashes", at_once(frame)).severity == severity


def test_a_queue_is_not_blamed_for_the_rate_of_what_tcp_tw_recycle_drops() -> None:
    frames = [
        frame_of(counters={"ListenDrops": 7 + n, "PAWSPassive": n}, second=n / 10) for n in (0, 20)
    ]
    assert not found("listen-overflow", after(*frames))


@pytest.mark.parametrize("limits", ["", "1 2", "1 2 x", "0 0 0", "1 2 ³"])
def test_limits_of_memory_that_are_none(limits: str) -> None:
    frame = frame_of(counters={"mem": 10**6}, sysctls={"net.ipv4.tcp_mem": limits})
    assert not found("tcp-memory-pressure", at_once(frame))


def test_a_conntrack_table_that_was_full() -> None:
    sizes = {"nf_conntrack_count": 10, "nf_conntrack_max": 1000}
    frames = [
        frame_of(counters={**sizes, "nf_conntrack_early_drop": 4 + 2 * n}, second=2 * n)
        for n in (0, 1)
    ]
    assert only("conntrack-near-max", at_once(frames[0])).severity == Severity.INFO
    finding = only("conntrack-near-max", after(*frames))
    assert finding.severity == Severity.WARNING
    assert finding.evidence["early_drop_per_second"] == 1
