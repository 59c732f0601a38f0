import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.tables import (
    FIXTURES,
    NOW,
    Clock,
    Sock,
    parameters,
    reading,
    rules,
    table,
    waiting,
)
from tui.analysis.frame import judge
from tui.kernel import source
from tui.kernel.parameters import read_parameters
from tui.kernel.places import place_at
from tui.kernel.sockets import TableError
from tui.kernel.source import Reading, Source
from tui.watching import sampler
from tui.watching.sampler import Cycle, Sampler


class FakeSource(Source):
    """Reads a table that grows by one at each read, at a cost in the thread's CPU time."""

    def __init__(self, clock: Clock, interval: float = 1.0) -> None:
        super().__init__(place_at(FIXTURES / "6.18-idle-host/proc"), "proc", interval)
        self.clock = clock
        self.cost = 0.0
        self.apart = False
        """Is it another thread that has the cost?"""
        self.reads = 0
        self.refuses = False
        self.cut = 0
        """How many reads are incomplete."""

    def read(self) -> Reading:
        self.reads += 1
        if self.refuses:
            raise TableError("refused")
        self.clock.cpu += 0.0 if self.apart else self.cost
        self.cpu_apart = self.cost if self.apart else 0.0
        self.clock.now += self.cost
        found = table(*(waiting(port) for port in range(self.reads)), Sock(local_port=50000))
        found = replace(found, complete=self.reads > self.cut)
        made = reading(found, time=self.clock.time(), counters={"tw": self.reads})
        return replace(made, parameters=read_parameters(self.place.root))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sampler, "time", made)
    monkeypatch.setattr(source, "time", made)
    return made


class TestSampler:
    def reads(
        self, clock: Clock, *, cost: float, interval: float, seconds: int, apart: bool = False
    ) -> list[int]:
        """Poll each interval; return at which seconds the table was read."""
        source = FakeSource(clock, interval)
        source.cost, source.apart = cost, apart
        polled = Sampler(source, judge)
        began, seen = clock.now, []
        for number in range(int(seconds / interval)):
            clock.now = began + number * interval
            before = source.reads
            polled.poll()
            if source.reads > before:
                seen.append(int(number * interval))
        return seen

    def test_each_poll_reads_the_table_while_that_is_cheap(self, clock: Clock) -> None:
        assert self.reads(clock, cost=0.0, interval=1, seconds=5) == [0, 1, 2, 3, 4]
        assert self.reads(clock, cost=0.1, interval=1, seconds=5) == [0, 1, 2, 3, 4]

    def test_dear_reads_are_spaced_out_to_a_tenth_of_a_core(self, clock: Clock) -> None:
        assert self.reads(clock, cost=0.2, interval=1, seconds=7) == [0, 2, 4, 6]
        assert self.reads(clock, cost=1.0, interval=1, seconds=25) == [0, 10, 20]

    def test_what_a_thread_in_another_namespace_takes_counts_as_well(self, clock: Clock) -> None:
        assert self.reads(clock, cost=0.2, interval=1, seconds=7, apart=True) == [0, 2, 4, 6]

    def test_a_read_due_just_after_a_poll_is_that_polls(self, clock: Clock) -> None:
        source = FakeSource(clock)
        source.cost = 0.2
        polled = Sampler(source, judge)
        began = clock.now
        for second, reads in ((0.0, 1), (0.99, 1), (1.98, 2)):
            clock.now = began + second
            polled.poll()
            assert source.reads == reads

    def test_a_longer_interval_affords_more(self, clock: Clock) -> None:
        assert self.reads(clock, cost=0.2, interval=2, seconds=8) == [0, 2, 4, 6]

    def test_waiting_is_no_cost(self, clock: Clock) -> None:
        """Only the thread's own CPU time counts, not the time that others take."""
        source = FakeSource(clock)
        polled = Sampler(source, judge)
        for _ in range(3):
            polled.poll()
            clock.now += 1
        assert source.reads == 3

    def test_what_is_made_of_a_reading_counts_as_well(self, clock: Clock) -> None:
        def dear(read: Reading) -> None:
            clock.cpu += 0.5

        source = FakeSource(clock)
        polled = Sampler(source, dear)
        polled.poll()
        clock.now += 4
        polled.poll()
        assert source.reads == 1
        clock.now += 1
        polled.poll()
        assert source.reads == 2

    def test_between_dumps_the_counters_are_of_now_and_the_table_is_kept(
        self, clock: Clock
    ) -> None:
        source = FakeSource(clock)
        source.cost = 1.0
        polled = Sampler(source, judge)
        dump = polled.poll()
        clock.now += 3
        later = polled.poll()
        assert later.table is dump.table
        assert (dump.age, later.age) == (0, 3)
        assert later.time == NOW + clock.now
        assert (dump.counters["tw"], later.counters["tw"]) == (1, 3)
        clock.now += 1
        assert polled.poll().age == 4, "it is always that of the dump"

    def test_between_dumps_other_parameters_are_judged_anew(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = FakeSource(clock)
        made.cost = 1.0
        polled = Sampler(made, judge)
        dump = polled.poll()
        monkeypatch.setattr(source, "read_parameters", lambda _: parameters(rules(high=40004)))
        for _ in range(2):
            clock.now += 1
            later = polled.poll()
            assert later.table is dump.table
            assert (later.ports.high, later.time) == (40004, NOW + clock.now)

    def test_a_dump_that_was_cut_is_tried_again_at_the_next_poll(self, clock: Clock) -> None:
        """It is handed on as it is; and in the long run it costs no more than another."""
        made = FakeSource(clock)
        made.cost, made.cut = 1.0, 2
        polled = Sampler(made, judge)
        seen = []
        for _ in range(4):
            seen.append((polled.poll().table.complete, made.reads))
            clock.now += 1
        assert seen == [(False, 1), (False, 2), (True, 3), (True, 3)]
        made.cut = 100
        began = clock.now
        while clock.now < began + 60:
            polled.poll()
            clock.now += 1
        assert made.reads < 3 + sampler.PROMPT_TRIES + 60 / 10

    def test_another_interval_reads_at_once(self, clock: Clock) -> None:
        source = FakeSource(clock)
        source.cost = 1.0
        polled = Sampler(source, judge)
        polled.poll()
        polled.interval = 0.5
        assert (polled.interval, source.interval) == (0.5, 0.5)
        polled.poll()
        assert source.reads == 2

    def test_what_the_source_refuses_is_refused_until_it_no_longer_does(self, clock: Clock) -> None:
        source = FakeSource(clock)
        polled = Sampler(source, judge)
        for refuses in (True, False, True, True, False):
            source.refuses = refuses
            clock.now += 1
            if refuses:
                with pytest.raises(TableError):
                    polled.poll()
            else:
                assert polled.poll().age == 0


class Bell(threading.Event):
    """A cycle's event on a clock that is not real: waiting takes no time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.waits: list[float] = []
        self.cleared: Callable[[], None] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if self.is_set():
            return True
        self.clock.now += timeout
        return False

    def clear(self) -> None:
        super().clear()
        self.cleared()


class TestCycle:
    """run() itself, in this thread; each test says what the work does at each call."""

    def run(
        self, clock: Clock, *work: Callable[[Cycle], None], interval: float = 1.0
    ) -> list[float]:
        """Return when the calls began, from the first one on."""
        began: list[float] = []
        left = iter(work)

        def call() -> None:
            began.append(clock.now - 1000.0)
            next(left)(cycle)
            if len(began) == len(work):
                cycle.stop()

        cycle = Cycle(call, interval, "test")
        cycle._wake = Bell(clock)
        cycle.run()
        return began

    def takes(self, clock: Clock, seconds: float) -> Callable[[Cycle], None]:
        def work(_: Cycle) -> None:
            clock.now += seconds

        return work

    def test_at_once_and_then_each_interval(self, clock: Clock) -> None:
        assert self.run(clock, *[self.takes(clock, 0.3)] * 4) == [0, 1, 2, 3]

    def test_late_ticks_are_one(self, clock: Clock) -> None:
        slow, quick = self.takes(clock, 3.5), self.takes(clock, 0)
        assert self.run(clock, slow, quick, quick, quick) == [0, 3.5, 4.5, 5.5]

    def test_work_that_always_takes_too_long_never_queues(self, clock: Clock) -> None:
        assert self.run(clock, *[self.takes(clock, 2.5)] * 3) == [0, 2.5, 5.0]

    def test_now_is_at_once(self, clock: Clock) -> None:
        def ask(cycle: Cycle) -> None:
            clock.now += 0.25
            for _ in range(5):
                cycle.now()

        assert self.run(clock, ask, *[self.takes(clock, 0)] * 2) == [0, 0.25, 1.25], "and once"

    def test_another_interval_counts_from_the_next_tick_on(self, clock: Clock) -> None:
        def hurry(cycle: Cycle) -> None:
            cycle.interval = 0.5
            cycle.now()

        assert self.run(clock, hurry, *[self.takes(clock, 0)] * 3) == [0, 0, 0.5, 1.0]

    def test_nothing_is_called_after_stop(self, clock: Clock) -> None:
        calls: list[int] = []
        cycle = Cycle(lambda: calls.append(1), 1.0, "test")
        cycle.stop()
        cycle.run()
        assert calls == []

    def test_a_stop_between_two_calls_is_not_lost(self, clock: Clock) -> None:
        """stop() may come just before the cycle clears its event."""
        calls: list[int] = []
        cycle = Cycle(lambda: calls.append(1), 1.0, "test")
        bell = cycle._wake = Bell(clock)
        bell.cleared = cycle.stop
        cycle.run()
        assert calls == []

    def test_one_call_at_a_time_in_a_daemon_thread(self) -> None:
        gate, entered = threading.Semaphore(0), threading.Semaphore(0)
        inside: list[str] = []

        def work() -> None:
            inside.append(threading.current_thread().name)
            entered.release()
            assert gate.acquire(timeout=10)

        cycle = Cycle(work, 3600.0, "test-cycle")
        assert cycle.daemon
        cycle.start()
        assert entered.acquire(timeout=10)
        for _ in range(5):
            cycle.now()
        assert inside == ["test-cycle"]
        gate.release()
        assert entered.acquire(timeout=10), "the five asked for are one more call"
        cycle.stop()
        gate.release()
        cycle.join(timeout=10)
        assert not cycle.is_alive()
        assert inside == ["test-cycle"] * 2
