"""The table's word on a load's tuples, against what its clients got."""

from __future__ import annotations

from tests.dashboard.scene import frame_of, opened, waits
from tui.analysis.frame import Frame
from tui.analysis.judgement import PortUse
from tui.lab.outcome import Latency, Outcome, Tuple
from tui.stage.agreement import Agreement, Kernel, Standing, compare, over

HERE, DATABASE = "127.0.0.1", "127.0.0.1:5432"
TUPLES: tuple[Tuple, ...] = ((None, (HERE, 5432)),)


def frame(used: int, *, at: float = 0.0, left: float = 30.0, reuse: int = 0) -> Frame:
    """1,000 ports, so many of them in TIME-WAIT toward the database."""
    return frame_of(waits(used, DATABASE, local=HERE, left=left), at=at, reuse=reuse)


def outcome(
    connected: int = 0, refused: int = 0, *, error: str = "EADDRNOTAVAIL", **more: object
) -> Outcome:
    errors = {error: refused} if refused else {}
    return Outcome(
        0.0,
        1.0,
        attempted=connected + refused,
        connected=connected,
        errors=errors,
        **{"tuples": TUPLES, **more},  # type: ignore[arg-type]
    )


def standings(*steps: tuple[Frame, Outcome]) -> list[Standing]:
    found: list[Standing] = []
    verdict: Agreement | None = None
    for each, came in steps:
        verdict = compare(each, came, verdict)
        found.append(verdict.standing)
    return found


class TestPorts:
    def test_the_ports_of_a_tuple(self) -> None:
        socks = waits(600, DATABASE, local=HERE) + opened(12, DATABASE, local=HERE, first=33500)
        verdict = compare(frame_of(socks), outcome(10), None)
        assert verdict.use == PortUse(1000, live=12, waiting=600)
        assert not verdict.exhausted

    def test_a_tuple_that_is_not_in_the_table_is_all_free(self) -> None:
        verdict = compare(frame_of([]), outcome(10), None)
        assert verdict.use == PortUse(1000)

    def test_several_tuples_add_up(self) -> None:
        tuples = tuple((ip, (HERE, port)) for ip in (HERE, "127.0.0.2") for port in (5432, 6379))
        verdict = compare(frame(1000), outcome(10, tuples=tuples), None)
        assert (verdict.tuples, verdict.use) == (4, PortUse(4000, waiting=1000))

    def test_a_source_is_told_from_another(self) -> None:
        other = compare(frame(900), outcome(10, tuples=(("127.0.0.2", (HERE, 5432)),)), None)
        same = compare(frame(900), outcome(10, tuples=((HERE, (HERE, 5432)),)), None)
        assert (other.use.in_use, same.use.in_use) == (0, 900)

    def test_addresses_count_however_they_are_written(self) -> None:
        six = frame_of(waits(3, "[2001:db8::9]:443", local="2001:db8::5"))
        target = ("2001:0db8:0::9", 443)
        assert compare(six, outcome(3, tuples=((None, target),)), None).use.in_use == 3
        mapped = ("::ffff:127.0.0.1", 5432)
        assert compare(frame(5), outcome(3, tuples=((None, mapped),)), None).use.in_use == 5

    def test_reusable_ports_are_connectable(self) -> None:
        verdict = compare(frame(1000, reuse=1), outcome(10), None)
        assert verdict.use == PortUse(1000, reusable=1000)
        assert not verdict.exhausted


class TestStanding:
    def test_no_errors_while_there_are_ports(self) -> None:
        assert standings((frame(500), outcome(500))) == [Standing.AGREES]

    def test_errors_when_there_are_none(self) -> None:
        assert standings(
            (frame(990, at=0), outcome(990)), (frame(1000, at=1), outcome(1000, 40))
        ) == [Standing.AGREES, Standing.AGREES]

    def test_errors_of_another_kind_are_not_about_ports(self) -> None:
        timed_out = outcome(5, 20, error="ETIMEDOUT")
        assert standings((frame(5), timed_out)) == [Standing.AGREES]

    def test_errors_while_there_are_ports_for_all_are_at_odds(self) -> None:
        assert standings(
            (frame(500, at=0), outcome(500)),
            (frame(510, at=1), outcome(510, 40)),
            (frame(520, at=2), outcome(520, 80)),
        ) == [Standing.AGREES, Standing.CHANGING, Standing.DIFFERS]

    def test_connections_when_there_are_no_ports_are_at_odds(self) -> None:
        assert standings(
            (frame(1000, at=0), outcome(1000, 10)),
            (frame(1000, at=1), outcome(1050, 10)),
            (frame(1000, at=2), outcome(1100, 10)),
        ) == [Standing.AGREES, Standing.CHANGING, Standing.DIFFERS]

    def test_one_frame_in_between_is_forgiven(self) -> None:
        assert standings(
            (frame(500, at=0), outcome(500)),
            (frame(510, at=1), outcome(510, 40)),
            (frame(520, at=2), outcome(520, 40)),
            (frame(530, at=3), outcome(530, 80)),
        ) == [Standing.AGREES, Standing.CHANGING, Standing.AGREES, Standing.CHANGING]

    def test_what_comes_back_may_be_taken_at_once(self) -> None:
        assert standings(
            (frame(1000, at=0, left=0.5), outcome(1000, 10)),
            (frame(1000, at=1), outcome(1050, 10)),
        ) == [Standing.AGREES, Standing.AGREES]

    def test_errors_and_free_ports_go_together_where_ports_come_and_go(self) -> None:
        assert standings(
            (frame(1000, at=0), outcome(1000, 10)), (frame(930, at=1), outcome(1020, 30))
        ) == [Standing.AGREES, Standing.AGREES]

    def test_the_last_port_may_just_have_been_taken(self) -> None:
        assert standings((frame(970, at=0), outcome(970)), (frame(1000, at=1), outcome(1000))) == [
            Standing.AGREES,
            Standing.AGREES,
        ]

    def test_ports_that_are_reused_come_back_within_the_second(self) -> None:
        young = frame(1000, at=0, left=59.5, reuse=1)
        assert standings(
            (young, outcome(1000, 10)),
            (frame(1000, at=1, left=59.5, reuse=1), outcome(1900, 10)),
        ) == [Standing.AGREES, Standing.AGREES]

    def test_without_connections_there_is_nothing_to_compare(self) -> None:
        assert standings(
            (frame(1000, at=0), outcome(1000, 10)),
            (frame(900, at=1), outcome(1000, 10, paused=True)),
        ) == [Standing.AGREES, Standing.NOTHING]

    def test_an_incomplete_table_is_no_ground(self) -> None:
        part = frame_of(waits(400, DATABASE, local=HERE), complete=False)
        assert standings((part, outcome(1000, 50))) == [Standing.NOTHING]

    def test_bind_first_makes_the_figures_an_upper_bound(self) -> None:
        five = tuple((HERE, (f"127.0.0.{last}", 5432)) for last in range(1, 6))
        refused = outcome(1000, 50, error="EADDRINUSE", tuples=five)
        assert standings((frame(200), refused)) == [Standing.UPPER_BOUND]

    def test_where_all_share_the_ports_of_one_the_errors_of_bind_fit(self) -> None:
        """Each tuple is a fifth full, and bind() has nothing left for any."""
        five = tuple((HERE, (f"127.0.0.{last}", 5432)) for last in range(1, 6))

        def bound(each: int) -> Frame:
            socks = [
                wait
                for last in range(1, 6)
                for wait in waits(
                    each, f"127.0.0.{last}:5432", local=HERE, first=32768 + (last - 1) * each
                )
            ]
            return frame_of(socks)

        fails = outcome(1000, 50, error="EADDRINUSE", tuples=five)
        full = compare(bound(200), fails, None)
        assert (full.use.capacity, full.use.connectable, full.shared) == (1000, 0, True)
        assert (full.standing, full.exhausted, full.failing) == (Standing.AGREES, True, True)
        half = compare(bound(100), outcome(500, tuples=five), None)
        assert (half.use.connectable, half.standing) == (500, Standing.AGREES)
        # A bind() that found none where ports are left: sockets that no table shows hold them.
        assert compare(bound(180), fails, None).standing is Standing.UPPER_BOUND

    def test_the_same_table_is_judged_once(self) -> None:
        first = compare(frame(500), outcome(500), None)
        assert compare(frame(500), outcome(510, 20), first) is first

    def test_another_load_begins_anew(self) -> None:
        assert standings(
            (frame(1000, at=0), outcome(5000, 10)), (frame(20, at=1), outcome(20))
        ) == [Standing.AGREES, Standing.AGREES]


class TestOver:
    def test_rates_are_those_of_the_whole_span(self) -> None:
        quarter = [
            Outcome(
                0.0,
                number / 4,
                connected=10 * number,
                errors={"EADDRNOTAVAIL": max(number - 2, 0), "EMFILE": 7},
                latency=Latency(number * 2.0, number * 10.0, number * 100.0) if number else None,
            )
            for number in range(5)
        ]
        found = over(quarter)
        assert found.connected_per_second == 40
        assert found.errors_per_second == {"EADDRNOTAVAIL": 2}
        assert found.latency == Latency(5.0, 40.0, 400.0)

    def test_one_outcome_is_itself(self) -> None:
        only = outcome(5)
        assert over([only]) is only

    def test_no_success_has_no_latency(self) -> None:
        later = Outcome(0.0, 2.0, latency=None)
        assert over([outcome(5), later]).latency is None


def kernels(*steps: tuple[int, int | None]) -> list[Kernel]:
    """The kernel's standing after steps of what the clients have got so far, and it has refused."""
    found: list[Kernel] = []
    verdict: Agreement | None = None
    for at, (failed, refused) in enumerate(steps):
        verdict = compare(frame(1000, at=at), outcome(9, failed), verdict, refused)
        found.append(verdict.kernel)
    return found


class TestKernel:
    """The kernel's count of refusals since the last verdict, beside all that clients have got."""

    def test_it_refuses_as_many_as_fail(self) -> None:
        assert set(kernels((0, 0), (50, 50), (100, 50), (100, 0))) == {Kernel.AGREES}

    def test_one_may_know_it_before_the_other(self) -> None:
        assert set(kernels((0, 1), (1, 0), (1, 1), (2, 0), (4, 0), (4, 2))) == {Kernel.AGREES}

    def test_clients_that_fail_for_another_reason(self) -> None:
        assert kernels((0, 0), (50, 0), (100, 0), (150, 0))[-1] is Kernel.DIFFERS

    def test_refusals_that_no_client_tells_of(self) -> None:
        assert kernels((0, 0), (0, 50), (0, 50), (0, 50), (0, 50))[-1] is Kernel.DIFFERS

    def test_what_was_lost_leaves_it_unknown(self) -> None:
        assert kernels((0, 0), (50, None), (100, 50))[1:] == [Kernel.UNASKED] * 2


def test_where_each_tuple_has_its_turn_the_fullest_decides() -> None:
    """One of two is full: half of the connections fail, though 1,000 ports are free."""
    tuples = ((HERE, (HERE, 5432)), ("127.0.0.2", (HERE, 5432)))
    for in_turn, standing in ((True, Standing.AGREES), (False, Standing.CHANGING)):
        failing = outcome(1000, 9, tuples=tuples, in_turn=in_turn)
        verdict = compare(frame(1000), failing, None)
        assert (verdict.use.connectable, verdict.standing) == (1000, standing)
        assert verdict.exhausted is in_turn
