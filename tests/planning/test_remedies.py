import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import (
    Sock,
    any_rules,
    crossing,
    frame,
    listener,
    reading,
    rules,
    steady,
    table,
    waiting,
)
from tui.analysis.frame import Frame, judge
from tui.analysis.hold import TIME_WAIT
from tui.analysis.ports import port_space
from tui.findings.advice import refused
from tui.kernel.port_rules import PortRules
from tui.planning.demand import Demand, estimate, observe
from tui.planning.remedies import Option, Plan, plan, tuples_needed
from tui.planning.setting import Facts, Fit, Setting, gather
from tui.planning.widening import present, range_commands, reserve_command, widened, widest

DEFAULT = rules(32768, 60999)
"""The kernel's own range: 28,232 ports."""


def facts(
    given: PortRules = DEFAULT,
    *ports: int,
    local: str | None = "10.0.0.5",
    remote: str | None = "10.0.0.9",
    port: int | None = 5432,
) -> Facts:
    """Facts of a machine with listeners on these ports."""
    found = frame(*(listener(port=port, inode=port) for port in ports), given=given)
    return gather(found, local, remote, port)


def made(rate: float, lifetime: float = 0, where: Facts | None = None) -> Plan:
    return plan(Demand(rate, lifetime), where or facts())


def option(found: Plan, code: str) -> Option:
    (only,) = (each for each in found.options if each.code == code)
    return only


def codes(found: Plan) -> list[str]:
    return [each.code for each in found.options]


class TestSetting:
    @pytest.mark.parametrize(
        ("setting", "load", "needed"),
        [
            (Setting(100), Demand(1, 0), 63),
            (Setting(100), Demand(1, 3), 66),
            (Setting(100), Demand(0.001, 0), 1),
            (Setting(100, wait=1), Demand(10, 2), 30),
            (Setting(100, wait=0), Demand(10, 2), 20),
            (Setting(100, wait=0), Demand(10, 0), 1),
            (Setting(100, wait=62, requests=31), Demand(10, 0), 20),
            (Setting(100, wait=62, requests=31), Demand(10, 1), 30),
            (Setting(100, requests=math.inf), Demand(10, 1), 10),
            (Setting(100, wait=0.1), Demand(30, 0.2), 9),
        ],
    )
    def test_ports_needed_are_rate_times_hold(
        self, setting: Setting, load: Demand, needed: int
    ) -> None:
        assert setting.judge(load).needed == needed

    @pytest.mark.parametrize(
        ("needed", "verdict"),
        [
            (1, Fit.WORKS),
            (50, Fit.WORKS),
            (51, Fit.SLOW),
            (100, Fit.SLOW),
            (101, Fit.FAILS),
        ],
    )
    def test_the_verdict_turns_at_half_and_at_all_of_the_ports(
        self, needed: int, verdict: Fit
    ) -> None:
        assert Setting(50, tuples=2, wait=1).judge(Demand(needed, 0)).verdict is verdict

    def test_what_the_default_range_sustains(self) -> None:
        assert Setting(28_232).judge(Demand(1, 0)).sustainable_rate == pytest.approx(455, abs=1)
        assert Setting(28_232, wait=1).judge(Demand(1, 1)).sustainable_rate == 14_116
        assert Setting(28_232, wait=1).judge(Demand(1, 1)).fast_rate == 7_058

    def test_nothing_limits_what_holds_no_port(self) -> None:
        outcome = Setting(100, wait=0).judge(Demand(5, 0))
        assert (outcome.sustainable_rate, outcome.fast_rate) == (math.inf, math.inf)

    def test_without_a_port_all_fails(self) -> None:
        outcome = Setting(0).judge(Demand(1, 0))
        assert (outcome.verdict, outcome.sustainable_rate) == (Fit.FAILS, 0)
        assert outcome.utilization == 63


class TestToday:
    def test_the_range_without_reuse(self) -> None:
        found = made(900)
        assert found.today.setting == Setting(28_232)
        assert found.today.outcome.verdict is Fit.FAILS

    def test_what_is_reserved_bound_and_listened_on_is_no_capacity(self) -> None:
        where = facts(replace(DEFAULT, reserved=((40_000, 40_009),)), 41_000, 80)
        assert made(1, where=where).today.setting.ports == 28_232 - 10 - 1

    @given(crossing, any_rules())
    @steady
    def test_its_capacity_is_the_frames(self, socks: list, given_: PortRules) -> None:  # type: ignore[type-arg]
        found = frame(*socks, given=given_)
        today = plan(Demand(1, 0), gather(found, None, None, None)).today
        assert today.outcome.capacity == found.ports.capacity

    @pytest.mark.parametrize(
        ("mode", "timestamps", "remote", "wait"),
        [
            (0, True, "10.0.0.9", TIME_WAIT.longest),
            (1, True, "10.0.0.9", 0.25),
            (2, True, "10.0.0.9", TIME_WAIT.longest),
            (2, True, "127.0.0.9", 0.25),
            (2, True, "::1", 0.25),
            (2, False, "::1", TIME_WAIT.longest),
            (1, False, "10.0.0.9", TIME_WAIT.longest),
            (2, True, None, TIME_WAIT.longest),
        ],
    )
    def test_how_long_a_port_waits(
        self, mode: int, timestamps: bool, remote: str | None, wait: float
    ) -> None:
        given_ = rules(reuse_mode=mode, reuse_delay_ms=250, timestamps=timestamps)
        where = facts(given_, local=None, remote=remote)
        assert made(1, where=where).today.setting.wait == wait


class TestRange:
    def test_the_smallest_that_leaves_half_of_the_ports_free(self) -> None:
        found = option(made(260), "range")  # 16,133 ports, twice that is 32,266
        assert found.commands[-1] == 'sysctl -w net.ipv4.ip_local_port_range="32768 65535"'
        found = option(made(300), "range")  # twice 18,615: 28,306 to spare below 65,536
        assert found.name == "range 28000–65535"
        assert found.outcome.verdict is Fit.WORKS

    def test_all_of_it_where_no_part_suffices(self) -> None:
        found = option(made(900), "range")
        assert found.name == "range 1024–65535"
        assert found.setting.ports == 64_512
        assert found.outcome.verdict is Fit.SLOW

    def test_all_of_it_where_none_is_needed(self) -> None:
        assert option(made(1), "range").name == "range 1024–65535"

    def test_none_where_it_is_as_wide_as_can_be(self) -> None:
        assert "range" not in codes(made(900, where=facts(rules(1024, 65535))))
        assert "range" not in codes(made(900, where=facts(rules(1, 65535))))

    def test_listeners_inside_are_reserved_first_with_what_was_reserved_before(self) -> None:
        where = facts(replace(DEFAULT, reserved=((9000, 9009),)), 80, 5432, 5433, 9010, 50_000)
        found = option(made(900, where=where), "range")
        assert found.commands == (
            "sysctl -w net.ipv4.ip_local_reserved_ports=5432-5433,9000-9010,50000",
            'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
        )
        assert found.setting.ports == 64_512 - 10 - 4
        assert "(4)" in found.requires

    @given(crossing, any_rules(), st.floats(0.001, 2000))
    @steady
    def test_its_capacity_is_that_of_its_command(
        self,
        socks: list,  # type: ignore[type-arg]
        given_: PortRules,
        rate: float,
    ) -> None:
        found = plan(Demand(rate, 0), gather(frame(*socks, given=given_), None, None, None))
        for each in found.options:
            if each.code == "range":
                low, high = map(int, re.findall(r"(?<==\")\d+|\d+(?=\"$)", each.commands[-1]))
                changed = replace(given_, low=low, high=high)
                assert low <= given_.low <= given_.high <= high
                assert each.setting.ports == port_space(changed, table(*socks)).capacity
                assert each.setting.ports > found.today.setting.ports


class TestParts:
    """What the findings' advice takes from here."""

    def test_today_and_the_widest_range_differ_in_their_ports_alone(self) -> None:
        where = facts(rules(40000, 40999, reuse_mode=1, reuse_delay_ms=500))
        today, wider = present(where), widened(where)
        assert today == Setting(1000, wait=0.5)
        assert wider == Setting(64_512, wait=0.5)
        assert widest(where) == (1024, 65_535)

    @pytest.mark.parametrize(("low", "worth"), [(6890, True), (6888, False), (1, False)])
    def test_widening_is_for_a_tenth_more(self, low: int, worth: bool) -> None:
        """64,512 ports are a tenth more than 58,647."""
        assert (widened(facts(rules(low, 65_535))) is not None) == worth

    def test_no_port_at_all_is_widened_as_well(self) -> None:
        assert widened(facts(rules(40_000, 40_000), 40_000)) == Setting(64_511)

    def test_reserving_keeps_what_was_reserved(self) -> None:
        given_ = rules(reserved=((9000, 9001), (80, 80)))
        command = reserve_command(given_, [9002, 443, 8080, 8081])
        assert command == "sysctl -w net.ipv4.ip_local_reserved_ports=80,443,8080-8081,9000-9002"

    def test_a_range_without_listeners_reserves_nothing(self) -> None:
        commands = range_commands(facts(DEFAULT, 80), 1024, 65_535)
        assert commands == ('sysctl -w net.ipv4.ip_local_port_range="1024 65535"',)

    @pytest.mark.parametrize(
        ("rate", "share", "tuples"), [(10, 1, 1), (100, 1, 1), (101, 1, 2), (101, 0.5, 3)]
    )
    def test_how_many_tuples_a_load_needs(self, rate: float, share: float, tuples: int) -> None:
        assert tuples_needed(Demand(rate, 0), Setting(100, wait=1), share) == tuples


class TestReuse:
    @pytest.mark.parametrize(
        ("mode", "timestamps", "remote", "commands"),
        [
            (0, True, "10.0.0.9", ["tcp_tw_reuse=1"]),
            (2, True, "10.0.0.9", ["tcp_tw_reuse=1"]),
            (2, False, "10.0.0.9", ["tcp_tw_reuse=1", "tcp_timestamps=1"]),
            (1, False, "10.0.0.9", ["tcp_timestamps=1"]),
            (0, True, "127.0.0.1", ["tcp_tw_reuse=2"]),
            (2, False, "::1", ["tcp_timestamps=1"]),
        ],
    )
    def test_only_what_is_missing(
        self, mode: int, timestamps: bool, remote: str, commands: list[str]
    ) -> None:
        given_ = rules(reuse_mode=mode, timestamps=timestamps)
        found = option(made(1, 2, facts(given_, remote=remote)), "reuse")
        assert found.commands == tuple(f"sysctl -w net.ipv4.{each}" for each in commands)
        assert found.setting.held(2) == 3

    @pytest.mark.parametrize(("mode", "remote"), [(1, "10.0.0.9"), (2, "127.0.0.1")])
    def test_no_remedy_where_it_applies_already(self, mode: int, remote: str) -> None:
        assert "reuse" not in codes(made(1, where=facts(rules(reuse_mode=mode), remote=remote)))


class TestCountable:
    @given(
        st.integers(1, 30_000),
        st.sampled_from((0.25, 1.0, 62.0)),
        st.floats(0.01, 10_000),
        st.floats(0, 100),
    )
    @steady
    def test_no_fewer_would_leave_half_of_the_ports_free(
        self, ports: int, wait: float, rate: float, lifetime: float
    ) -> None:
        given_ = rules(
            30_001, 30_000 + ports, reuse_mode=int(wait < 62), reuse_delay_ms=int(wait * 1000)
        )
        found = made(rate, lifetime, facts(given_))
        for code in ("sources", "destinations"):
            each = option(found, code)
            assert each.outcome.verdict is Fit.WORKS
            fewer = replace(each.setting, tuples=each.setting.tuples - 1)
            assert fewer.tuples == 1 or fewer.judge(found.load).verdict < Fit.WORKS
        kept = [each for each in found.options if each.code == "keep_alive"]
        if rate * lifetime < ports // 2:
            assert kept[0].outcome.verdict is Fit.WORKS
        for each in kept:
            less = replace(each.setting, requests=each.setting.requests - 1)
            assert less.requests == 1 or less.judge(found.load).verdict < each.outcome.verdict
        if rate * lifetime > ports:
            assert not kept

    def test_what_fewer_would_do(self) -> None:
        found = option(made(900), "sources")
        assert (found.setting.tuples, found.note) == (4, "1 would be enough, with slow connect().")
        assert option(made(1), "sources").note == ""

    def test_every_address_is_spelled_out_as_long_as_they_are_few(self) -> None:
        commands = option(made(900), "sources").commands
        assert commands[:3] == tuple(f"ip addr add SOURCE{n}/32 dev DEV" for n in (2, 3, 4))
        commands = option(made(9000), "sources").commands
        assert commands[3] == "# … and so on, to SOURCE40"

    def test_ipv6(self) -> None:
        where = facts(local="2001:db8::5", remote="2001:db8::9", port=443)
        commands = "\n".join(option(made(900, where=where), "sources").commands)
        assert "ip -6 addr add SOURCE2/128 dev DEV" in commands
        assert "ip -6 route add 2001:db8::9/128 via GATEWAY dev DEV src SOURCE2" in commands
        assert "[2001:db8::9]:443" in option(made(900, where=where), "destinations").commands[-1]

    def test_loopback_has_its_addresses_already(self) -> None:
        commands = option(made(900, where=facts(remote="127.0.0.1")), "sources").commands
        assert all(line.startswith("#") for line in commands)
        assert "127.0.0.2, 127.0.0.3, 127.0.0.4" in commands[0]

    def test_none_without_a_port(self) -> None:
        where = facts(rules(40_000, 40_000), 40_000)
        assert {"sources", "destinations", "keep_alive"}.isdisjoint(codes(made(1, where=where)))


class TestOthers:
    def test_a_pool_is_as_large_as_what_is_open_at_once(self) -> None:
        found = option(made(900, 0.4), "pool")
        assert (found.name, found.outcome.needed) == ("pool of 360 connections", 360)

    @pytest.mark.parametrize("code", ["pool", "server_closes"])
    def test_what_open_connections_decide_on_says_that_none_are_counted(self, code: str) -> None:
        assert option(made(900, 0), code).name.endswith(", at lifetime 0 s")
        assert not option(made(900, 0.4), code).name.endswith(" s")

    def test_where_the_server_closes_first_a_port_is_held_while_it_is_open(self) -> None:
        found = option(made(900, 0.4), "server_closes")
        assert (found.outcome.needed, found.outcome.sustainable_rate) == (360, 28_232 / 0.4)
        assert "55,844 TIME-WAITs" in found.requires

    def test_bind_address_no_port_gives_what_today_has(self) -> None:
        found = made(900)
        assert option(found, "bind_no_port").outcome == found.today.outcome

    def test_every_single_remedy_says_what_it_needs_and_when_it_is_wrong(self) -> None:
        for each in made(900).options:
            assert each.commands
            assert each.requires
            assert each.wrong_when

    def test_the_refused_say_why(self) -> None:
        found = made(900).refused
        assert {each.code for each in found} >= {
            "tcp_fin_timeout",
            "tcp_tw_recycle",
            "tcp_max_tw_buckets",
        }
        assert all(each.why for each in found)

    def test_what_is_compiled_in_elsewhere_is_a_sysctl_on_alibabas_kernels(self) -> None:
        """The plan's text stands on both, as the findings' does."""
        usual, theirs = rules(), replace(rules(), time_wait_ms=15_000, time_wait_set=True)
        for given_, said in ((usual, "60 s, compiled in"), (theirs, "15 s, set by tcp_tw_timeout")):
            found = plan(Demand(9, 0), facts(given_))
            assert said in found.refused[0].why
            assert said in refused(given_).what


class TestPairs:
    def test_none_where_today_works(self) -> None:
        assert not any("+" in code for code in codes(made(100)))

    def test_not_with_what_suffices_alone(self) -> None:
        assert [code for code in codes(made(900)) if "+" in code] == [
            "range+sources",
            "range+destinations",
            "range+keep_alive",
        ]

    def test_reuse_in_a_wider_range(self) -> None:
        found = made(20_000, 0)  # 20,000 of 28,232 with reuse
        assert option(found, "reuse").outcome.verdict is Fit.SLOW
        assert option(found, "range+reuse").outcome.verdict is Fit.WORKS
        assert codes(found)[codes(found).index("bind_no_port") + 1] == "range+reuse"

    @given(st.floats(0.1, 100_000), st.floats(0, 50))
    @steady
    def test_each_does_what_neither_half_does_or_with_less(
        self, rate: float, lifetime: float
    ) -> None:
        found = made(rate, lifetime)
        alone = {each.code: each for each in found.options if "+" not in each.code}
        sizes = []
        for each in found.options:
            if "+" not in each.code:
                continue
            base, added = (alone.get(code) for code in each.code.split("+"))
            assert base
            assert base.outcome.verdict < Fit.WORKS
            assert added is None or (
                each.outcome.verdict > added.outcome.verdict
                or each.setting.tuples < added.setting.tuples
                or each.setting.requests < added.setting.requests
            )
            sizes.append((each.setting.requests, each.setting.tuples))
        assert sizes == sorted(sizes)

    def test_its_commands_are_those_of_both(self) -> None:
        found = made(900)
        pair = option(found, "range+sources")
        assert pair.commands[0] == option(found, "range").commands[0]
        assert "ip addr add SOURCE2/32 dev DEV" in pair.commands
        assert "ip addr add SOURCE3/32 dev DEV" not in pair.commands
        assert pair.name == "range 1024–65535 + 1 source"


def test_a_plan_needs_no_more_than_a_table() -> None:
    found = frame(*(waiting(port) for port in range(40_000, 40_010)))
    today = plan(Demand(1, 0), gather(found, "10.0.0.5", "10.0.0.9", 443)).today
    assert (today.outcome.needed, today.outcome.capacity) == (63, 10)


class TestAClientThatBindsFirst:
    """Ten destinations hold 80 ports each of one range of 1,000, and no port twice."""

    given = rules(40_000, 40_999, reuse_mode=1)
    found = frame(
        *(waiting(40_000 + n, 30_000, remote=f"10.1.0.{n % 10 + 1}") for n in range(800)),
        given=given,
    )
    where = gather(found, "10.0.0.5", "10.1.0.1", 443)

    def test_has_its_part_of_all_ports_and_no_reuse(self) -> None:
        today = made(1, where=self.where).today
        assert (today.setting.ports, today.setting.wait) == (1000, TIME_WAIT.longest)
        assert today.outcome.capacity == 1000 * 80 // 800

    def test_is_helped_by_connect_choosing_the_port_and_not_by_more_destinations(self) -> None:
        found = made(8, where=self.where)
        assert found.today.outcome.verdict is Fit.FAILS
        no_port = option(found, "bind_no_port")
        assert (no_port.outcome.verdict, no_port.outcome.capacity) == (Fit.WORKS, 1000)
        assert no_port.setting.wait == 1  # and then there is reuse
        assert not {"destinations", "reuse"} & set("+".join(codes(found)).split("+"))

    def test_further_sources_come_with_it(self) -> None:
        sources = option(made(8, where=self.where), "sources")
        assert sources.outcome.capacity == 1000 * sources.setting.tuples

    def test_a_wider_range_is_for_all_of_them(self) -> None:
        """They go on as this one does: what it gives is not for one alone."""
        widened = option(made(8, where=self.where), "range")
        assert widened.outcome.verdict is Fit.WORKS
        ports = int(self.where.choosable[slice(*self.ends(widened))].sum())
        assert widened.outcome.capacity == ports // 10
        assert 2 * 10 * widened.outcome.needed <= ports

    def test_of_ports_that_it_has_none_of_each_destination_has_its_part(self) -> None:
        assert gather(self.found, "10.0.0.5", "10.1.0.99", 443).share == 1 / 10

    @staticmethod
    def ends(widened: Option) -> tuple[int, int]:
        low, high = map(int, re.findall(r"\d+", widened.name))
        return low, high + 1

    def test_is_seen_at_its_end(self) -> None:
        full = frame(
            *(waiting(40_000 + n, 30_000, remote=f"10.1.0.{n % 10 + 1}") for n in range(1000)),
            given=self.given,
        )
        seen = observe(full, 0)
        assert (seen.connectable, seen.sharing) == (0, 10)
        expected = estimate(seen, 1, 0)
        assert expected is not None
        assert any("binds before" in note or "bind before" in note for note in expected.notes)


class TestADestinationOfOnesOwn:
    """No route is advised, for it would bring nothing."""

    @staticmethod
    def routed(found: Frame) -> bool:
        sources = option(made(8, where=gather(found, "10.0.0.5", "10.0.0.9", 443)), "sources")
        return any("route" in line for line in sources.commands)

    @pytest.mark.parametrize(
        ("addresses", "routed"), [({"10.0.0.5", "10.0.0.9"}, False), ({"10.0.0.5"}, True)]
    )
    def test_is_told_by_the_addresses(self, addresses: set[str], routed: bool) -> None:
        """A proxy that is transparent has sockets at addresses that are not its host's."""
        seen = reading(table(waiting(40_000, 30_000), Sock("10.0.0.9", 443, "10.0.0.7", 1)))
        assert self.routed(judge(replace(seen, addresses=frozenset(addresses)))) is routed

    @pytest.mark.parametrize(("local", "routed"), [("10.0.0.9", False), ("10.0.0.8", True)])
    def test_is_told_by_the_sockets_of_a_copy(self, local: str, routed: bool) -> None:
        found = frame(waiting(40_000, 30_000), Sock(local, 443, "10.0.0.7", 1))
        assert self.routed(found) is routed
