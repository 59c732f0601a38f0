from collections.abc import Mapping
from typing import Any

import pytest

from tests.findings.situations import (
    HTTPS,
    advice,
    after,
    at_once,
    found,
    frame_of,
    look,
    only,
    served,
    waits,
)
from tests.tables import rules, waiting
from tui.findings.config import Config, TimeWaits
from tui.findings.finding import Finding, Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation

WIDE = rules(20000, 59999)
BUCKETS = "net.ipv4.tcp_max_tw_buckets"


class TestHarmless:
    def test_five_thousand_server_side_ones_are_no_alarm(self) -> None:
        situation = look(HTTPS, *served(5000), given=WIDE)
        [finding] = diagnose(situation)
        assert (finding.code, finding.severity) == ("time-wait-high", Severity.INFO)
        assert finding.evidence["time_wait"] == finding.evidence["incoming"] == 5000
        assert "do not block new connections" in finding.meaning

    def test_fewer_are_not_worth_a_word(self) -> None:
        assert not diagnose(look(HTTPS, *served(4999), given=WIDE))

    def test_nor_are_those_spread_over_destinations_an_alarm(self) -> None:
        socks = [sock for n in range(1, 11) for sock in waits(490, f"10.1.0.{n}")]
        config = Config(time_wait=TimeWaits(count=4000))
        [finding] = diagnose(look(*socks, config=config))
        assert finding.code == "time-wait-high"
        assert finding.evidence["outgoing"] == 4900
        assert finding.evidence["fullest_utilization"] == 0.49

    def test_those_that_block_are_told_of_elsewhere(self) -> None:
        config = Config(time_wait=TimeWaits(count=500))
        situation = look(*waits(800), config=config)
        assert [finding.code for finding in diagnose(situation)] == ["ports-above-threshold"]

    def test_so_are_those_that_slow_connect_down(self) -> None:
        config = Config(time_wait=TimeWaits(count=500))
        situation = look(*waits(600), config=config)
        assert [finding.code for finding in diagnose(situation)] == ["connect-slow"]

    def test_those_that_block_are_not_counted_among_them(self) -> None:
        config = Config(time_wait=TimeWaits(count=600))
        situation = look(HTTPS, *waits(800), *served(600), config=config)
        finding = only("time-wait-high", situation)
        assert (finding.evidence["time_wait"], finding.evidence["time_wait_of_all"]) == (600, 1400)

    def test_they_close_to_a_sum(self) -> None:
        other = [waiting(1000 + n, remote="10.0.0.3", remote_port=2000 + n) for n in range(100)]
        config = Config(time_wait=TimeWaits(count=300))
        evidence = only(
            "time-wait-high", look(HTTPS, *served(150), *waits(50), *other, config=config)
        ).evidence
        assert [evidence[name] for name in ("incoming", "outgoing", "other", "time_wait")] == [
            150,
            50,
            100,
            300,
        ]


def bucketed(tw: int, limit: str | None = "1000", **counters: int) -> Situation:
    return at_once(
        frame_of(counters={"tw": tw, **counters}, sysctls={BUCKETS: limit} if limit else {})
    )


class TestOverflow:
    def rising(self, first: int, then: int) -> list[Finding]:
        frames = [
            frame_of(counters={"TCPTimeWaitOverflow": count}, second=second)
            for second, count in ((0, first), (2, then))
        ]
        return found("time-wait-overflow", after(*frames))

    def test_a_counter_that_rises_is_a_danger(self) -> None:
        [finding] = self.rising(10, 30)
        assert finding.severity == Severity.WARNING
        assert finding.evidence["overflowed_per_second"] == 10
        assert finding.evidence["overflowed_since_start"] == 30
        assert "not a remedy" in finding.meaning

    def test_one_that_stands_is_not(self) -> None:
        assert not self.rising(10, 10)

    def test_near_the_limit(self) -> None:
        finding = only("time-wait-overflow", bucketed(900))
        assert finding.severity == Severity.WARNING
        assert finding.evidence["share"] == 0.9

    def test_not_near_it(self) -> None:
        assert not found("time-wait-overflow", bucketed(899))

    def test_a_limit_of_none_at_all(self) -> None:
        assert only("time-wait-overflow", bucketed(0, "0")).severity == Severity.WARNING

    def test_a_limit_that_is_not_known(self) -> None:
        assert not found("time-wait-overflow", bucketed(900, None))

    def test_without_a_history_what_happened_once_is_worth_knowing(self) -> None:
        finding = only("time-wait-overflow", bucketed(1, TCPTimeWaitOverflow=5))
        assert finding.severity == Severity.INFO
        assert "since this namespace was created" in finding.message

    def test_the_limit_is_raised_never_lowered(self) -> None:
        assert f"sysctl -w {BUCKETS}=262144" in advice(only("time-wait-overflow", bucketed(900)))
        assert f"sysctl -w {BUCKETS}=600000" in advice(
            only("time-wait-overflow", bucketed(300_000, "300000"))
        )


class TestReuseWithoutTimestamps:
    def given(self, **given: int | bool) -> list[Finding]:
        return found("reuse-without-timestamps", look(given=rules(**given)))  # type: ignore[arg-type]

    def test_it_is_on_and_does_nothing(self) -> None:
        [finding] = self.given(reuse_mode=1, timestamps=False)
        assert finding.severity == Severity.WARNING
        assert finding.evidence == {"tcp_tw_reuse": 1, "tcp_timestamps": 0}

    def test_the_default_means_loopback_alone(self) -> None:
        [finding] = self.given(reuse_mode=2, timestamps=False)
        assert finding.severity == Severity.INFO

    @pytest.mark.parametrize(
        "given",
        [
            {"reuse_mode": 1, "timestamps": True},
            {"reuse_mode": 2, "timestamps": True},
            {"reuse_mode": 0, "timestamps": False},
        ],
    )
    def test_nothing_is_wrong(self, given: Mapping[str, int | bool]) -> None:
        assert not self.given(**given)


class TestReuseThatHasNotBeenSeenToWork:
    def told(
        self, count: int = 600, taken_over: int | None = 0, to: str = "10.0.0.9", mode: int = 1
    ) -> list[Finding]:
        waits = [waiting(40000 + number, 30_000, remote=to) for number in range(count)]
        counters = {} if taken_over is None else {"TWRecycled": taken_over}
        given = rules(40000, 40999, reuse_mode=mode)
        return found("reuse-unproven", at_once(frame_of(*waits, given=given, counters=counters)))

    def test_ports_that_hang_on_it_are_told_of(self) -> None:
        [finding] = self.told()
        assert finding.severity is Severity.WARNING
        assert (finding.evidence["reusable"], finding.evidence["free"]) == (600, 400)

    @pytest.mark.parametrize(
        "how",
        [
            {"count": 400},
            {"taken_over": 1},
            {"taken_over": None},
            {"to": "127.0.0.1"},
            {"to": "10.0.0.5"},
            {"to": "127.0.0.1", "mode": 2},
        ],
        ids=["half are free", "it worked", "not counted", "loopback", "own address", "mode 2"],
    )
    def test_not_where_it_is_known_or_needless(self, how: dict[str, Any]) -> None:
        """On this host both ends go by the same sysctls."""
        assert not self.told(**how)
