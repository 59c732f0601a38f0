from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest

from tests.findings.situations import (
    HTTPS,
    NGINX,
    accepted,
    advice,
    after,
    at_once,
    found,
    frame_of,
    look,
    only,
    opens,
    waits,
)
from tests.tables import Sock, rules, waiting
from tui.analysis.frame import Frame
from tui.findings.config import Config, Ports
from tui.findings.finding import NAMED, Finding, Severity
from tui.findings.rules import diagnose
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import State, Timer
from tui.planning.demand import estimate, observe
from tui.planning.remedies import Plan, plan
from tui.planning.setting import gather


def plan_of(frame: Frame, rate: float) -> Plan:
    """The plan of the first pattern at a rate, as `twtop plan --rate` makes it."""
    wanted = estimate(observe(frame, 0), rate, None)
    assert wanted is not None
    key = frame.patterns.key(0)
    return plan(wanted.load, gather(frame, key.local_ip, key.remote_ip, key.remote_port))


TUPLE = "10.0.0.5 → 10.0.0.9:443"
ON = rules(40000, 40999, reuse_mode=1)


def test_of_several_devices_the_fullest_is_told_and_the_others_are_named() -> None:
    held = [Sock(local_port=40_000 + number, device=3) for number in range(900)]
    others = [Sock(local_port=40_000 + number, device=4) for number in range(500)]
    of_both = only("ports-above-threshold", look(*held, *others))
    assert (of_both.evidence["in_use"], of_both.evidence["on_other_devices"]) == (900, 500)
    assert "500 sockets" in of_both.meaning
    alone = only("ports-above-threshold", look(*held))
    assert alone.evidence["in_use"] == 900
    assert "on_other_devices" not in alone.evidence


class TestExhausted:
    @pytest.mark.parametrize("fill", [waits, opens])
    def test_a_full_500_port_tuple_is_critical(self, fill: Callable[[int], list[Sock]]) -> None:
        finding = only("ports-exhausted", look(*fill(500), given=rules(40000, 40499)))
        assert (finding.severity, finding.subject) == (Severity.CRITICAL, TUPLE)
        assert finding.evidence["in_use"] == finding.evidence["capacity"] == 500
        assert finding.evidence["connectable"] == finding.evidence["freed_within_10_s"] == 0
        assert finding.evidence["utilization"] == 1.0
        assert "EADDRNOTAVAIL" in finding.meaning

    def test_it_tells_how_many_ports_come_back_soon(self) -> None:
        socks = [*waits(970, age=49.9), *waits(30, first=40970, age=51)]
        assert only("ports-exhausted", look(*socks)).evidence["freed_within_10_s"] == 30

    def test_one_port_left_is_not_exhausted(self) -> None:
        situation = look(*waits(499), given=rules(40000, 40499))
        assert not found("ports-exhausted", situation)
        assert [finding.code for finding in diagnose(situation)] == ["ports-above-threshold"]

    def test_full_of_ports_that_can_be_taken_over_is_not_exhausted(self) -> None:
        assert not found("ports-exhausted", look(*waits(1000), given=ON))

    def test_full_of_those_too_young_for_it_is(self) -> None:
        assert only("ports-exhausted", look(*waits(1000, age=0.5), given=ON))

    def test_a_clients_full_range_is_not_ours(self) -> None:
        assert not diagnose(look(HTTPS, *accepted(1000, first=40000, inode=100)))

    def test_a_range_that_is_reserved_as_a_whole_says_so(self) -> None:
        situation = look(Sock(), given=rules(40000, 40009, reserved=((40000, 40009),)))
        finding = only("ports-exhausted", situation)
        assert "reserved or bound" in finding.message
        assert (finding.evidence["capacity"], finding.evidence["utilization"]) == (0, 1.0)

    def test_it_has_the_pattern_to_jump_to(self) -> None:
        situation = look(*waits(1000), *opens(3, "10.0.0.8"))
        finding = only("ports-exhausted", situation)
        assert finding.pattern is not None
        assert situation.frame.patterns.find(finding.pattern) == 0

    def test_it_is_all_that_is_said_of_how_full_it_is(self) -> None:
        assert [finding.code for finding in diagnose(look(*waits(1000)))] == ["ports-exhausted"]

    @pytest.mark.parametrize(
        ("local", "remote", "subject"),
        [
            ("::1", "::1", "::1 → [::1]:443"),
            ("2001:db8::5", "2001:db8::10", "2001:db8::5 → [2001:db8::10]:443"),
            ("::ffff:10.0.0.5", "::ffff:10.0.0.9", TUPLE),
        ],
    )
    def test_ipv6_is_written_as_it_should(self, local: str, remote: str, subject: str) -> None:
        given = rules(40000, 40009)
        finding = only("ports-exhausted", look(*waits(10, remote, local=local), given=given))
        assert finding.subject == subject
        assert finding.message.startswith(f"{subject}: ")


class TestThreshold:
    def test_800_time_waits_of_a_1000_port_tuple_are_critical(self) -> None:
        finding = only("ports-above-threshold", look(*waits(800)))
        assert (finding.severity, finding.subject) == (Severity.CRITICAL, TUPLE)
        assert finding.evidence["time_wait"] == finding.evidence["in_use"] == 800
        assert finding.evidence["utilization"] == 0.8
        assert finding.evidence["connectable"] == 200

    def test_799_are_only_slow(self) -> None:
        situation = look(*waits(799))
        assert not found("ports-above-threshold", situation)
        assert only("connect-slow", situation)

    def test_the_option_moves_it(self) -> None:
        config = Config().with_threshold(30)
        finding = only("ports-above-threshold", look(*waits(300), config=config))
        assert finding.evidence["threshold_percent"] == 30
        assert "slow" not in finding.meaning, "it is not, below half"
        assert not found("ports-above-threshold", look(*waits(299), config=config))

    @pytest.mark.parametrize("count", [800, 900, 1000])
    def test_what_can_all_be_taken_over_is_no_finding(self, count: int) -> None:
        assert not diagnose(look(*waits(count), given=ON))

    def test_what_can_partly_be_taken_over_is_judged_by_the_rest(self) -> None:
        locked = opens(800)
        finding = only("ports-above-threshold", look(*locked, *waits(100, first=40800), given=ON))
        assert finding.severity == Severity.CRITICAL
        assert finding.message.endswith(
            "80 % of 1,000 ports are taken, 800 in ESTABLISHED; the threshold is 80 %"
        )
        evidence = finding.evidence
        assert (evidence["in_use"], evidence["locked"], evidence["reusable"]) == (900, 800, 100)
        assert (evidence["connectable"], evidence["utilization"]) == (200, 0.9)

    def test_it_is_only_slow_where_the_rest_is_half(self) -> None:
        situation = look(*opens(600), *waits(250, first=40600), given=ON)
        (finding,) = diagnose(situation)
        assert (finding.code, finding.severity) == ("connect-slow", Severity.WARNING)
        assert (
            "connect() is slow: 60 % of 1,000 ports are taken, 600 in ESTABLISHED"
            in finding.message
        )

    @pytest.mark.parametrize(
        ("locked", "threshold", "said"),
        [
            (4339, 43.39, "43.39 % of 10,000 ports are taken{}; the threshold is 43.39 %"),
            (4334, 43.34, "43.34 % of 10,000 ports are taken{}; the threshold is 43.34 %"),
            (4340, 43.39, "43.4 % of 10,000 ports are taken{}; the threshold is 43.39 %"),
            (4340, 43.391, "43.4 % of 10,000 ports are taken{}; the threshold is 43.391 %"),
        ],
    )
    def test_two_percentages_side_by_side_read_as_they_were_judged(
        self, locked: int, threshold: float, said: str
    ) -> None:
        given, config = rules(40000, 49999), Config().with_threshold(threshold)
        finding = only("ports-above-threshold", look(*opens(locked), given=given, config=config))
        assert finding.message.endswith(said.format(f", {locked:,} in ESTABLISHED"))

    def test_one_port_below_a_threshold_is_below_it(self) -> None:
        config = Config().with_threshold(43.39)
        situation = look(*opens(4338), given=rules(40000, 49999), config=config)
        assert not found("ports-above-threshold", situation)

    @pytest.mark.parametrize(("given", "rate"), [(ON, 700), (rules(40000, 40999), 140)])
    def test_how_fast_sockets_close(self, given: PortRules, rate: float) -> None:
        """Where ports are taken over, older TIME-WAITs are but what is left of them."""
        socks = [*waits(700, age=0.5), *waits(150, first=40700, age=10), *opens(100, first=40850)]
        finding = only("ports-above-threshold", look(*socks, given=given))
        assert finding.evidence["closing_per_second"] == rate

    def test_ports_of_open_connections_count(self) -> None:
        held = [*opens(400), *opens(400, first=40400, state=State.CLOSE_WAIT)]
        finding = only("ports-above-threshold", look(*held))
        assert (finding.evidence["live"], finding.evidence["time_wait"]) == (800, 0)

    def test_the_process_is_named_once_it_is_known(self) -> None:
        frame = frame_of(*opens(800, inode=100))
        owners = {100: NGINX}
        for situation in (at_once(frame, owners=owners), after(frame, owners=owners)):
            assert only("ports-above-threshold", situation).evidence["process"] == "nginx[10]"
        assert "process" not in only("ports-above-threshold", at_once(frame)).evidence

    def test_who_held_it_is_remembered(self) -> None:
        frames = frame_of(*opens(800, inode=100)), frame_of(*waits(800), second=1)
        situation = after(*frames, owners={100: NGINX})
        finding = only("ports-above-threshold", situation)
        assert finding.evidence["process"] == "nginx[10] (remembered)"


class TestSlow:
    def test_from_half_of_the_ports_on(self) -> None:
        finding = only("connect-slow", look(*waits(500)))
        assert finding.severity == Severity.WARNING
        assert finding.evidence["utilization"] == 0.5

    def test_not_below(self) -> None:
        assert not diagnose(look(*waits(499)))

    def test_ports_that_can_be_taken_over_slow_nothing(self) -> None:
        """Measured: 13 µs at 55 % with tcp_tw_reuse, 2,100 µs without."""
        assert not diagnose(look(*waits(700), given=ON))

    def test_ports_of_open_connections_do(self) -> None:
        assert only("connect-slow", look(*opens(500), given=ON))


class TestSoon:
    def test_a_growth_that_ends_within_minutes(self) -> None:
        frames = [frame_of(*opens(100 + 6 * n), second=n) for n in range(0, 65, 5)]
        finding = only("exhausts-soon", after(*frames))
        assert finding.severity == Severity.WARNING
        assert finding.evidence["growth_per_second"] == 6
        assert finding.evidence["seconds_left"] == pytest.approx((1000 - 460) / 6, abs=5)

    def test_within_a_minute_it_is_critical(self) -> None:
        frames = [frame_of(*opens(100 + 10 * n), second=n) for n in range(0, 65, 5)]
        finding = only("exhausts-soon", after(*frames))
        assert finding.severity == Severity.CRITICAL
        assert finding.evidence["seconds_left"] < 60  # type: ignore[operator]
        assert " s: 700 of 1,000 " in finding.message

    def test_the_closings_alone_can_tell_it(self) -> None:
        """The timers hold the last minute: one frame is enough."""
        socks = [sock for age in range(20) for sock in waits(30, first=40000 + 30 * age, age=age)]
        finding = only("exhausts-soon", after(frame_of(*socks)))
        assert finding.evidence["closing_per_second"] == 30
        assert finding.evidence["seconds_left"] == pytest.approx(400 / 30, abs=1.5)

    def test_a_load_that_levels_off_never_does(self) -> None:
        socks = [sock for age in range(60) for sock in waits(8, first=40000 + 8 * age, age=age)]
        assert not found("exhausts-soon", after(frame_of(*socks)))

    def test_not_later_than_the_minutes_asked_for(self) -> None:
        frames = [frame_of(*opens(100 + 6 * n), second=n) for n in range(0, 65, 5)]
        config = Config(ports=Ports(exhausts_within_minutes=1))
        assert not found("exhausts-soon", after(*frames, config=config))

    def test_without_a_history_nothing_is_foretold(self) -> None:
        assert not found("exhausts-soon", look(*opens(900)))

    def test_not_of_what_is_exhausted_already(self) -> None:
        frames = [frame_of(*opens(900)), frame_of(*opens(1000), second=1)]
        assert not found("exhausts-soon", after(*frames))


class TestMany:
    def test_the_worst_are_named_and_the_others_counted(self) -> None:
        small = rules(40000, 40009)
        remotes = [f"10.1.0.{n}" for n in range(1, NAMED + 6)]
        socks = [sock for remote in remotes for sock in waits(8, remote)]
        socks += waits(9, "10.1.0.100")
        findings = found("ports-above-threshold", look(*socks, given=small))
        assert len(findings) == NAMED + 1
        assert findings[0].subject == "10.0.0.5 → 10.1.0.100:443"
        assert findings[-1].subject == "further patterns", "the same in each frame"
        assert findings[-1].evidence == {"further": 6}
        assert findings[-1].severity == Severity.CRITICAL


class TestAdvice:
    def given(self, *socks: Sock, **given: object) -> str:
        return advice(diagnose(look(*socks, given=rules(40000, 40999, **given)))[0])  # type: ignore[arg-type]

    def test_it_refuses_what_does_not_help(self) -> None:
        text = self.given(*waits(1000))
        for name in ("tcp_fin_timeout", "tcp_tw_recycle", "tcp_max_tw_buckets"):
            assert name in text
            assert f"sysctl -w net.ipv4.{name}" not in text

    def test_the_widest_range_by_its_numbers(self) -> None:
        text = self.given(*waits(1000))
        assert 'sysctl -w net.ipv4.ip_local_port_range="1024 65535"' in text
        assert "64,512 ports per destination instead of 1,000" in text
        assert "which sustains 1,039/s instead of 16/s" in text

    def test_it_reserves_the_listeners_that_come_into_the_range(self) -> None:
        listening = [
            Sock("0.0.0.0", port, "0.0.0.0", 0, State.LISTEN, inode=port)
            for port in (80, 3306, 8080, 8081, 40500)
        ]
        text = self.given(*listening, *opens(999), reserved=((9000, 9001),))
        assert (
            "sysctl -w net.ipv4.ip_local_reserved_ports=3306,8080-8081,9000-9001,40500 && "
            'sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
        ) in text
        assert f"{64512 - 5 - 1:,} ports" in text, "five reserved, one more bound"

    def test_a_range_that_is_the_widest_cannot_be_widened(self) -> None:
        situation = look(*waits(800), config=Config().with_threshold(1), given=rules(1024, 65535))
        assert "Widen" not in advice(only("ports-above-threshold", situation))

    def test_reuse_where_it_is_off(self) -> None:
        text = self.given(*waits(1000))
        assert "sysctl -w net.ipv4.tcp_tw_reuse=1" in text
        assert "NAT" in text

    def test_timestamps_first_where_they_are_off(self) -> None:
        text = self.given(*waits(1000), timestamps=False)
        assert "sysctl -w net.ipv4.tcp_timestamps=1 net.ipv4.tcp_tw_reuse=1" in text

    def test_not_where_it_is_on(self) -> None:
        assert "tcp_tw_reuse=1" not in self.given(*waits(1000, age=0.5), reuse_mode=1)

    def test_nothing_about_time_wait_where_open_connections_hold_the_ports(self) -> None:
        text = self.given(*opens(1000))
        assert "tcp_tw_reuse=1" not in text
        assert "server close first" not in text

    def test_how_many_addresses_carry_the_present_rate(self) -> None:
        socks = [s for age in range(5) for s in waits(160, first=40000 + 160 * age, age=age)]
        text = self.given(*socks)
        assert "the peak of 160/s needs 9,928 ports: fits" in text
        assert "10 carry the 160/s of the busiest seconds" in text

    def test_what_a_rate_needs_is_what_the_plan_says(self) -> None:
        """Open connections and those that nobody closes count in both."""
        socks = [s for age in range(5) for s in waits(150, first=40000 + 150 * age, age=age)]
        socks += [*opens(60, first=40900), *opens(7, first=40960, state=State.CLOSE_WAIT)]
        seen = look(*socks)
        made = plan_of(seen.frame, 150)
        assert made.today.outcome.needed > 150 * 62 + 60
        told = advice(only("ports-above-threshold", seen))
        assert f"the peak of 150/s needs {made.today.outcome.needed:,} ports" in told

    def test_another_source_address_by_a_route(self) -> None:
        text = self.given(*waits(1000))
        assert "ip addr add NEW_IP/32" in text
        assert "ip route replace 10.0.0.9/32 via GATEWAY dev DEVICE src NEW_IP" in text

    def test_of_ipv6_as_well(self) -> None:
        text = self.given(*waits(1000, "2001:db8::9", local="2001:db8::5"))
        assert "ip -6 route replace 2001:db8::9/128 via GATEWAY" in text

    @pytest.mark.parametrize(("ip", "bits"), [("10.0.0.5", 32), ("::1", 128)])
    def test_what_stays_on_this_host_is_not_routed(self, ip: str, bits: int) -> None:
        text = self.given(*waits(1000, ip, local=ip))
        assert f"addr add NEW_IP/{bits} dev lo" in text
        assert "route replace" not in text

    def test_on_loopback_the_default_reuse_is_enough(self) -> None:
        text = self.given(*waits(1000, "::1", local="::1"))
        assert "sysctl -w net.ipv4.tcp_tw_reuse=2" in text
        assert "NAT or load balancer" not in text

    def test_loopback_has_addresses_enough(self) -> None:
        text = self.given(*waits(1000, "127.0.0.1", local="127.0.0.1"))
        assert "127.0.0.2" in text
        assert "ip addr" not in text


def never_closed(
    count: int, *, first: int = 40000, remaining_ms: int = 30_000, timer: int = Timer.TIME_WAIT
) -> list[Sock]:
    """What a client has that closed all its connections to a server that closes none."""
    return [
        Sock(
            local_port=first + n,
            state=State.FIN_WAIT2,
            timer=timer,
            remaining_ms=remaining_ms,
        )
        for n in range(count)
    ]


class TestUnclosed:
    """Linux 6.18, tcp_fin_timeout = 5: such ports were back after 5 s."""

    FIVE: ClassVar = {"net.ipv4.tcp_fin_timeout": "5"}
    SIXTY: ClassVar = {"net.ipv4.tcp_fin_timeout": "60"}

    def given(self, *socks: Sock, sysctls: Mapping[str, str] = SIXTY) -> Finding:
        (finding,) = diagnose(at_once(frame_of(*socks, sysctls=sysctls)))
        return finding

    @pytest.mark.parametrize(
        ("count", "code"),
        [(1000, "ports-exhausted"), (800, "ports-above-threshold"), (500, "connect-slow")],
    )
    def test_they_are_told_of_wherever_ports_are_short(self, count: int, code: str) -> None:
        finding = self.given(*never_closed(count))
        assert finding.code == code
        evidence = finding.evidence
        assert (evidence["live"], evidence["open"], evidence["fin_wait2"]) == (count, 0, count)
        assert evidence["tcp_fin_timeout_seconds"] == 60
        assert f"{count:,} are in FIN-WAIT-2" in finding.meaning
        assert "not yet by the peer" in finding.meaning
        assert "tcp_fin_timeout = 60 s after the close" in finding.meaning

    def test_also_where_they_are_foretold(self) -> None:
        frames = [frame_of(*never_closed(100 + 6 * n), second=n) for n in range(0, 65, 5)]
        assert "FIN-WAIT-2" in only("exhausts-soon", after(*frames)).meaning

    def test_they_do_not_keep_their_ports(self) -> None:
        finding = self.given(*never_closed(500), *opens(500, first=40500))
        assert (
            "500 more are held by connections that are open or closing. 500 are in FIN-WAIT-2"
            in finding.meaning
        )
        assert finding.evidence["open"] == 500

    def test_those_that_come_back_soon_are_counted(self) -> None:
        socks = [
            *never_closed(300, remaining_ms=9_999),
            *never_closed(600, first=40300, remaining_ms=10_000),
            *waits(100, first=40900, age=55),
        ]
        assert self.given(*socks, sysctls=self.FIVE).evidence["freed_within_10_s"] == 400

    def test_an_orphan_has_its_last_minute_still_before_it(self) -> None:
        """With a tcp_fin_timeout above 60 it is a socket first, whose timer is another one."""
        finding = self.given(*never_closed(1000, remaining_ms=500, timer=Timer.KEEPALIVE))
        assert finding.evidence["fin_wait2"] == 1000
        assert finding.evidence["freed_within_10_s"] == 0

    def test_the_server_is_to_be_mended(self) -> None:
        text = advice(self.given(*never_closed(1000)))
        assert text.startswith("Fix the server")
        assert "sudo ss -tnp state close-wait sport = :443" in text

    def test_tcp_fin_timeout_is_no_advice_to_refuse_here(self) -> None:
        text = advice(self.given(*never_closed(1000)))
        assert "sysctl -w net.ipv4.tcp_fin_timeout=10" in text
        assert "Two settings to leave alone: tcp_tw_recycle" in text
        assert "tcp_max_tw_buckets" in text

    def test_nor_one_to_give_where_it_is_short_already(self) -> None:
        finding = self.given(*never_closed(1000), sysctls=self.FIVE)
        assert "tcp_fin_timeout = 5 s after the close" in finding.meaning
        assert "tcp_fin_timeout" not in advice(finding)

    def test_a_timeout_that_cannot_be_read_is_not_made_up(self) -> None:
        finding = self.given(*never_closed(1000), sysctls={})
        assert "tcp_fin_timeout after the close" in finding.meaning
        assert "tcp_fin_timeout_seconds" not in finding.evidence

    @pytest.mark.parametrize(("count", "told"), [(99, False), (100, True)])
    def test_from_a_tenth_of_the_ports_on(self, count: int, told: bool) -> None:
        finding = self.given(*never_closed(count), *waits(1000 - count, first=40000 + count))
        assert ("FIN-WAIT-2" in finding.meaning) == told
        assert ("fin_wait2" in finding.evidence) == told
        assert ("Two settings to leave alone" in advice(finding)) == told
        assert finding.evidence["live"] == count

    def test_one_with_a_descriptor_is_the_programs_own(self) -> None:
        """shutdown() alone: it lasts until the program closes, whatever tcp_fin_timeout is."""
        finding = self.given(*opens(1000, state=State.FIN_WAIT2, inode=100))
        assert "1,000 in FIN-WAIT-2" in finding.message
        assert "fin_wait2" not in finding.evidence
        assert finding.evidence["held_by"] == "FIN-WAIT-2"
        assert "has not closed the socket" in finding.meaning
        assert finding.remedies[0].what.startswith("Let the program close")
        given = advice(finding)
        assert "sysctl -w" not in given, "more ports would be filled in the same way"

    def test_the_greater_part_decides_whose_fault_it_is(self) -> None:
        half_open = opens(499, first=40501, state=State.FIN_WAIT2, inode=100)
        finding = self.given(*never_closed(501), *half_open)
        assert finding.remedies[0].what.startswith("Fix the server")
        assert "held_by" not in finding.evidence

    def test_tcp_tw_reuse_does_not_take_them(self) -> None:
        finding = only("ports-exhausted", look(*never_closed(1000), given=ON))
        assert finding.evidence["reusable"] == 0

    def test_those_of_another_pattern_are_not_counted(self) -> None:
        other = waiting(40000, remote="10.0.0.8")
        finding = self.given(*waits(1000), *[Sock(remote="10.0.0.7", state=State.FIN_WAIT2), other])
        assert "fin_wait2" not in finding.evidence
