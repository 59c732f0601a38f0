from dataclasses import replace

import pytest

from tests.simulate.scene import (
    PLAN,
    evidence,
    half_closed,
    held,
    situation,
    time_waits,
    with_parameter,
)
from tui.simulate.kept import find_kept


def test_too_few() -> None:
    kept = find_kept(evidence(situation(), connected=900))
    assert kept.by == "few"
    assert kept.why == (
        "900 connections in 100 ms, and there were ports for 1,000. No more were requested."
    )


def test_stopped() -> None:
    kept = find_kept(evidence(situation(), connected=900, stopped_by="SIGINT"))
    assert (kept.by, kept.why.endswith("SIGINT stopped it.")) == ("few", True)


def test_none_at_all() -> None:
    kept = find_kept(evidence(situation(), connected=0, seconds=3, stopped_by="SIGINT"))
    assert (kept.by, kept.why) == (
        "none",
        "Not one connection was made in 3.0 s. SIGINT stopped it.",
    )


def test_out_of_time() -> None:
    before = situation(plan=replace(PLAN, seconds=2))
    kept = find_kept(evidence(before, connected=900, seconds=2.01))
    assert kept.why.endswith("It ended with --duration, after 2.0 s.")


def test_too_slow() -> None:
    kept = find_kept(evidence(situation(), connected=100, seconds=10))
    assert kept.by == "slow"
    assert "10.0 connections/s takes 620 ports in the 62 s that a TIME-WAIT can last" in kept.why
    assert "takes more than 16/s" in kept.why


def test_slow_does_not_matter_where_ports_are_held() -> None:
    assert find_kept(evidence(held(situation()), connected=100, seconds=10)).by == "few"


@pytest.mark.parametrize(
    ("by", "seen", "said"),
    [
        ("reuse", {"events": {"TWRecycled": 4000}}, "4,000 of 5,000 connections took over a port"),
        (
            "overflow",
            {"events": {"TCPTimeWaitOverflow": 4900}},
            "tcp_max_tw_buckets = 100,000 was exceeded: 4,900 of 5,000",
        ),
        ("reset", {"resets": 4990}, "The server reset 4,990 of 5,000 connections"),
        (
            "server",
            {"closed_by_server": 600, "looked_at": 625},
            "The server closed first in 600 of 625 connections checked, about 4,800 of all 5,000",
        ),
        ("minute", {"seconds": 290.0}, "is too slow to use up 1,000 ports"),
        ("unknown", {}, "left only 100 of 1,000 ports in use"),
    ],
)
def test_what_gave_ports_back(by: str, seen: dict[str, object], said: str) -> None:
    before = situation(reuse=1)
    kept = find_kept(evidence(before, *time_waits(100), connected=5000, **seen))  # type: ignore[arg-type]
    assert kept.by == by
    assert said in kept.why


def test_the_greatest_share_is_named() -> None:
    seen = evidence(
        situation(), connected=5000, resets=10, events={"TWRecycled": 3, "TCPTimeWaitOverflow": 20}
    )
    assert find_kept(seen).by == "overflow"


def test_a_server_that_never_closes_holds_ports_for_a_while() -> None:
    before = with_parameter(situation(reuse=1), "net.ipv4.tcp_fin_timeout", "5")
    kept = find_kept(evidence(before, *half_closed(900), connected=1500, seconds=9))
    assert kept.by == "half_closed"
    assert kept.why.startswith("600 of 1,500 connections finished their FIN-WAIT-2 meanwhile.")
    assert "tcp_fin_timeout = 5 s after our close, and never by reuse." in kept.why
    few = find_kept(evidence(before, *half_closed(50), connected=50, seconds=9))
    assert few.by == "few"  # and not that a TIME-WAIT ends in time
