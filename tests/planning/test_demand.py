import pytest

from tests.tables import Sock, frame, listener, rules, waiting
from tui.kernel.sockets import State
from tui.planning.demand import Demand, Estimate, Observed, estimate, hottest, observe

WIDE = rules(40_000, 49_999)


def closed(count: int, second: int, first: int = 40_000, remote: str = "10.0.0.9") -> list[Sock]:
    """So many connections that were closed in that second before now."""
    remaining = 60_000 - 1000 * second - 500
    return [waiting(first + each, remaining, remote=remote) for each in range(count)]


def live(count: int, first: int = 45_000, remote: str = "10.0.0.9") -> list[Sock]:
    return [Sock(local_port=first + each, remote=remote) for each in range(count)]


class TestHottest:
    def test_the_one_with_the_most_ports(self) -> None:
        found = frame(*closed(3, 1), *closed(5, 1, 41_000, "10.0.0.8"), given=WIDE)
        index = hottest(found, None, None, None)
        assert index is not None
        assert found.patterns.key(index).remote_ip == "10.0.0.8"

    def test_one_that_closes_goes_before_one_that_holds(self) -> None:
        found = frame(*closed(3, 1), *live(9, remote="10.0.0.8"), given=WIDE)
        index = hottest(found, None, None, None)
        assert index is not None
        assert found.patterns.key(index).remote_ip == "10.0.0.9"
        index = hottest(found, None, "10.0.0.8", None)
        assert index is not None
        assert found.patterns.key(index).remote_ip == "10.0.0.8"

    @pytest.mark.parametrize(
        ("ends", "there"),
        [
            (("10.0.0.5", "10.0.0.9", 443), True),
            ((None, None, 443), True),
            (("10.0.0.6", None, None), False),
            ((None, "10.0.0.7", None), False),
            ((None, None, 80), False),
            ((None, "2001:db8::1", None), False),
        ],
    )
    def test_with_these_ends(self, ends: tuple[str, str, int], there: bool) -> None:
        found = frame(*closed(3, 1), given=WIDE)
        assert (hottest(found, *ends) is not None) == there

    def test_mapped_and_ipv6(self) -> None:
        found = frame(
            Sock("::ffff:10.0.0.5", 40_000, "::ffff:10.0.0.9", 443),
            Sock("2001:db8::5", 40_001, "2001:db8::10", 443),
            given=WIDE,
        )
        assert hottest(found, None, "10.0.0.9", 443) is not None
        assert hottest(found, "2001:db8::5", "2001:db8::10", 443) is not None

    def test_no_incoming_one(self) -> None:
        found = frame(listener(port=443), Sock(local_port=443, remote_port=50_000), given=WIDE)
        assert hottest(found, None, None, None) is None


class TestObserve:
    def test_the_rate_is_that_of_the_last_five_seconds(self) -> None:
        found = frame(*closed(10, 1), *closed(40, 9, 41_000), *live(4), given=WIDE)
        assert observe(found, 0) == Observed(rate=2, busiest=8, live=4, connectable=10_000 - 54)

    def test_expiring_ones_are_no_closings(self) -> None:
        found = frame(*(waiting(40_000 + each, 0) for each in range(5)), given=WIDE)
        assert observe(found, 0).busiest == 0

    def test_where_reuse_applies_only_the_youngest_tell_the_rate(self) -> None:
        given = rules(40_000, 49_999, reuse_mode=1)
        found = frame(*closed(10, 0), *closed(5, 1, 41_000), given=given)
        seen = observe(found, 0)
        assert (seen.rate, seen.busiest) == (10, 10)

    def test_of_one_pattern_alone(self) -> None:
        found = frame(*closed(10, 1), *closed(5, 1, 41_000, "10.0.0.8"), listener(), given=WIDE)
        assert [observe(found, index).rate for index in (0, 1)] == [2, 1]

    def test_a_floor_of_open_connections_in_any_state(self) -> None:
        socks = [Sock(local_port=40_000, state=State.SYN_SENT), *live(2), *closed(5, 1, 41_000)]
        assert observe(frame(*socks, given=WIDE), 0).live == 3


class TestEstimate:
    def test_what_is_given(self) -> None:
        found = estimate(None, 900, 0.2)
        assert found == Estimate(Demand(900, 0.2), "given", "given", ())

    def test_nothing_to_go_by(self) -> None:
        assert estimate(None, None, 1) is None
        assert estimate(Observed(0, 0, 0, 5), None, None) is None

    def test_what_is_seen(self) -> None:
        found = estimate(Observed(rate=300, busiest=310, live=120, connectable=5_000), None, None)
        assert found == Estimate(Demand(300, 0.4), "last seconds", "live", ())

    def test_a_given_rate_takes_the_lifetime_that_is_seen(self) -> None:
        found = estimate(Observed(rate=300, busiest=310, live=120, connectable=5_000), 900, None)
        assert found == Estimate(Demand(900, 0.4), "given", "live", ())

    def test_when_all_is_quiet_the_busiest_seconds_count(self) -> None:
        found = estimate(Observed(rate=0, busiest=310, live=0, connectable=5), None, 1)
        assert found == Estimate(Demand(310, 1), "busiest seconds", "given", ())

    def test_what_gets_through_is_not_what_is_wanted(self) -> None:
        found = estimate(Observed(rate=300, busiest=310, live=0, connectable=0), None, None)
        assert found
        assert "No port is left now" in found.notes[0]
        assert (found.load.rate, found.rate_from) == (310, "busiest seconds")
        assert (found.load.lifetime, found.lifetime_from) == (0, "assumed")  # of what cannot open

    def test_a_busier_time_is_named(self) -> None:
        found = estimate(Observed(rate=300, busiest=500, live=0, connectable=5_000), None, None)
        assert found
        assert "--rate 500" in found.notes[0]

    @pytest.mark.parametrize("connectable", [1, 40, 250])
    def test_while_the_first_ports_come_back_the_last_seconds_tell_little(
        self, connectable: int
    ) -> None:
        """There was none, and 50/s are wanted: 41/s get through by now, 8/s on average."""
        found = estimate(Observed(rate=8, busiest=50, live=8, connectable=connectable), None, None)
        assert found
        assert (found.load, found.rate_from) == (Demand(50, 8 / 50), "busiest seconds")
        assert "gets through" in found.notes[0]

    def test_an_unknown_lifetime_is_said_to_be(self) -> None:
        found = estimate(Observed(rate=0, busiest=0, live=400, connectable=5), 900, None)
        assert found
        assert found.load.lifetime == 0
        assert "--lifetime" in found.notes[0]
        assert (found.load.held, "400 ports" in found.notes[1]) == (400, True)
