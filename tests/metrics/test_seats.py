"""Who has a series of its own: bounded in number and in churn, whatever the traffic."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.metrics.seats import OUTDOES, REST_SECONDS, SEATS, Seats, Share

ENTER, LEAVE = 0.10, 0.05


def seats() -> Seats[int]:
    return Seats(ENTER, LEAVE)


def full(*shares: float) -> dict[int, Share]:
    """Patterns 0, 1, 2 … with these parts of their ports in use, all of them locked."""
    return {key: Share(share, share) for key, share in enumerate(shares)}


class TestHysteresis:
    def test_one_enters_at_a_tenth(self) -> None:
        assert seats().seat(full(0.0999), 0) == ()
        assert seats().seat(full(0.10), 0) == (0,)

    def test_one_between_the_levels_keeps_its_seat_for_ever(self) -> None:
        some = seats()
        some.seat(full(0.5), 0)
        for hour in range(1, 10):
            assert some.seat(full(0.05), hour * REST_SECONDS) == (0,)

    def test_one_leaves_after_an_hour_below(self) -> None:
        some = seats()
        some.seat(full(0.5), 0)
        some.seat(full(0.05), 10)  # the last time that it is not quiet
        assert some.seat({}, 10 + REST_SECONDS - 1) == (0,)
        assert some.seat({}, 10 + REST_SECONDS) == ()

    def test_a_wave_is_one_series(self) -> None:
        """Load for a minute each half hour: a day of it begins one series, not 48."""
        some = seats()
        seen = {
            bool(some.seat(full(0.9) if minute % 30 == 0 else {}, 60.0 * minute))
            for minute in range(24 * 60)
        }
        assert seen == {True}

    def test_leave_above_enter_is_enter(self) -> None:
        assert Seats[int](0.1, 0.2).leave == 0.1


class TestNoSeatLeft:
    def test_the_fullest_get_them(self) -> None:
        shares = full(*(0.10 + number / 1000 for number in range(2 * SEATS)))
        assert seats().seat(shares, 0) == tuple(range(2 * SEATS - 1, SEATS - 1, -1))

    def test_what_is_locked_goes_before_what_is_only_in_use(self) -> None:
        """TIME-WAITs that connect() takes over alarm nobody."""
        reused = {key: Share(0.0, 0.99) for key in range(SEATS)}
        some = seats()
        some.seat(reused, 0)
        assert some.seat(reused | {99: Share(0.11, 0.11)}, 1)[0] == 99

    def test_one_that_runs_out_takes_the_seat_of_the_emptiest(self) -> None:
        some = seats()
        crowd = full(*[0.2] * (SEATS - 1), 0.12)
        some.seat(crowd, 0)
        seated = some.seat(crowd | {99: Share(1.0, 1.0)}, 1)
        assert seated[0] == 99
        assert len(seated) == SEATS
        assert SEATS - 1 not in seated

    def test_one_that_is_hardly_fuller_does_not(self) -> None:
        some = seats()
        crowd = full(*[0.2] * SEATS)
        some.seat(crowd, 0)
        assert 99 not in some.seat(crowd | {99: Share(0.2 * OUTDOES, 0.4)}, 1)


moments = st.lists(
    st.tuples(
        st.floats(0, REST_SECONDS),
        st.dictionaries(st.integers(0, 400), st.floats(LEAVE, 1), max_size=130),
    ),
    max_size=25,
)


class TestBounds:
    @steady
    @given(moments)
    def test_never_more_than_the_seats_nor_twice_as_many_beginnings_an_hour(
        self, moments: list[tuple[float, dict[int, float]]]
    ) -> None:
        some, now = seats(), 0.0
        began: list[float] = []
        before: set[int] = set()
        for later, shares in moments:
            now += later
            seated = some.seat({key: Share(of, of) for key, of in shares.items()}, now)
            assert len(set(seated)) == len(seated) <= SEATS
            began += [now] * len(set(seated) - before)
            before = set(seated)
            assert sum(now - at < REST_SECONDS for at in began) <= 2 * SEATS

    def test_a_hundred_thousand_patterns_in_random_traffic_for_an_hour(self) -> None:
        """The worst churn: at each scrape other ones are full, fuller and fuller."""
        some, seen = seats(), set[int]()
        for scrape in range(240):
            seen.update(some.seat(self._crowd(scrape), 15.0 * scrape))
        assert len(seen) == 2 * SEATS

    def _crowd(self, scrape: int) -> Mapping[int, Share]:
        level = min(0.1 * OUTDOES ** (scrape % 3) + scrape / 1e4, 1.0)
        return {scrape * 400 + number: Share(level, level) for number in range(400)}
