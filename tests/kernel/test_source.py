import socket
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.private import Lab
from tests.tables import FIXTURES, NOW, Clock, Sock, listener, socks, table
from tui.kernel import counters, effort, procfs, sock_diag, source
from tui.kernel.below import read_below
from tui.kernel.effort import Effort
from tui.kernel.places import HERE, Place, place_at
from tui.kernel.port_rules import read_port_rules
from tui.kernel.sockets import UNKNOWN_LIMIT, Array, SocketTable, State, TableError
from tui.kernel.source import FIRST_READ, LONGEST_READ, TRY_PROC_AGAIN, Source, SourceChoice
from tui.lab import namespace

FROM_PROC, FROM_NETLINK = Sock(inode=1), Sock(inode=2)
PROC = FIXTURES / "6.18-idle-host/proc"


class Kernel:
    """Both sources and the clock: how long each takes, whether it refuses, what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.proc_takes = 0.0
        """Of its own processor time."""
        self.waits = 0.0
        """For a processor, at each read of /proc."""
        self.walk_takes = 0.0
        self.netlink_is_cut = False
        self.netlink_efforts: list[float] = []
        self.refused: set[str] = set()
        self.asked: list[str] = []
        self.efforts: list[float | None] = []
        """Seconds that each read of /proc might take; None for as long as it takes."""
        self.bound = [9000]
        monkeypatch.setattr(source, "time", self.clock)
        monkeypatch.setattr(effort, "time", self.clock)
        monkeypatch.setattr(procfs, "read_sockets", self.read_proc)
        monkeypatch.setattr(sock_diag, "read_sockets", self.read_netlink)
        monkeypatch.setattr(sock_diag, "read_bound_ports", self.read_bound_ports)
        monkeypatch.setattr(sock_diag, "read_backlog_limits", lambda given: {7: 128})

    def read_proc(self, root: Path, given: Effort | None = None, *_: object) -> SocketTable:
        assert root in (PROC, PROC / "thread-self")
        self._ask("proc")
        self.efforts.append(None if given is None else given.seconds)
        most = float("inf") if given is None else given.seconds + 1e-6
        self.clock.now += self.waits
        self.work(min(self.proc_takes, most))
        return table(FROM_PROC, complete=self.proc_takes <= most)

    def read_netlink(self, given: Effort) -> SocketTable:
        self._ask("sock_diag")
        self.netlink_efforts.append(given.seconds)
        return table(FROM_NETLINK, bound_ports=self.bound, complete=not self.netlink_is_cut)

    def read_bound_ports(self, given: Effort) -> Array:
        assert given.seconds > 0
        self.asked.append("bound")
        self.clock.now += self.walk_takes
        return np.array(self.bound, np.uint16)

    def work(self, seconds: float) -> None:
        self.clock.now += seconds
        self.clock.cpu += seconds

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.refused:
            raise TableError(f"{name} refused")

    def tables_asked(self) -> list[str]:
        """The reads of tables since the last call."""
        asked = [name for name in self.asked if name != "bound"]
        self.asked.clear()
        return asked


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def make(choice: SourceChoice = "auto", *, own: bool = True, interval: float = 1.0) -> Source:
    network = HERE if own else None
    place = Place(PROC, "web-1", "host" if own else "process", 1, network, settings=PROC)
    return Source(place, choice, interval)


def kind(made: Source) -> str:
    """Read once; the kind that the reading claims is the one the sockets came from."""
    reading = made.read()
    expected = FROM_PROC if reading.kind == "proc" else FROM_NETLINK
    assert socks(reading.table) == [expected]
    return reading.kind


class TestChoice:
    def test_proc_is_the_default_as_long_as_it_is_quick(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.04
        made = make()
        assert [kind(made) for _ in range(3)] == ["proc"] * 3
        assert kernel.tables_asked() == ["proc"] * 3

    @pytest.mark.parametrize(("sockets", "expected"), [(49, "proc"), (50, "sock_diag")])
    def test_it_gives_way_where_a_tuple_may_be_short(
        self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, sockets: int, expected: str
    ) -> None:
        """It does not tell which sockets are bound to a device."""
        rules = replace(read_port_rules(PROC), low=40_000, high=40_099, reserved=())
        monkeypatch.setattr(source, "read_port_rules", lambda root: rules)
        counted = {"inuse": sockets - 30, "inuse6": 10, "tw": 20}
        monkeypatch.setattr(source, "count_sockets", lambda root: counted)
        assert kind(make()) == expected
        assert kind(make("proc")) == "proc"

    def test_waiting_for_a_processor_is_not_slow(self, kernel: Kernel) -> None:
        kernel.waits = 5.0
        made = make()
        assert [kind(made) for _ in range(3)] == ["proc"] * 3

    def test_what_takes_much_of_a_core_gives_way_at_the_next_poll(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.05
        made = make()
        assert [kind(made), kind(made)] == ["proc", "sock_diag"]

    def test_too_slow_it_gives_way(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.2
        assert kind(make()) == "sock_diag"
        assert kernel.tables_asked() == ["proc", "sock_diag"]
        assert kernel.efforts == [pytest.approx(0.1)], "no more of it is read than may be used"

    def test_the_limit_follows_the_interval(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.4
        assert kind(make(interval=5.0)) == "proc"
        assert kind(make(interval=3.0)) == "sock_diag"
        assert kernel.efforts == [pytest.approx(0.5), pytest.approx(0.3)]

    def test_once_too_slow_it_is_left_alone_for_a_while(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.2
        made = make()
        kind(made)
        kernel.tables_asked()
        kernel.proc_takes = 0.0
        kernel.clock.now += TRY_PROC_AGAIN - 1
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["sock_diag"])
        kernel.clock.now += 2
        assert (kind(made), kernel.tables_asked()) == ("proc", ["proc"])
        assert kind(made) == "proc"

    def test_still_too_slow_it_is_left_alone_again(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.2
        made = make()
        kind(made)
        kernel.clock.now += TRY_PROC_AGAIN + 1
        kernel.tables_asked()
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["proc", "sock_diag"])
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["sock_diag"])

    def test_refused_it_gives_way(self, kernel: Kernel) -> None:
        kernel.refused = {"proc"}
        made = make()
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["proc", "sock_diag"])
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["sock_diag"])

    def test_when_both_refuse_the_reason_is_procs(self, kernel: Kernel) -> None:
        kernel.refused = {"proc", "sock_diag"}
        with pytest.raises(TableError, match="proc refused"):
            make().read()

    def test_without_sock_diag_a_cut_table_is_read_in_full(self, kernel: Kernel) -> None:
        kernel.refused, kernel.proc_takes = {"sock_diag"}, 0.3
        reading = make().read()
        assert (reading.kind, reading.table.complete) == ("proc", True)
        assert kernel.tables_asked() == ["proc", "sock_diag", "proc"]
        assert kernel.efforts == [pytest.approx(0.1), pytest.approx(0.5)]

    @pytest.mark.parametrize("interval", [9.0, 60.0])
    def test_a_long_interval_has_its_longest_read_too(
        self, kernel: Kernel, interval: float
    ) -> None:
        """A read that is cut off turns to sock_diag, though far less than the share was used."""
        kernel.proc_takes = 99.0
        assert kind(make(interval=interval)) == "sock_diag"
        assert kernel.efforts == [FIRST_READ / 2]

    def test_what_was_cut_gets_twice_the_work_at_the_next_try(self, kernel: Kernel) -> None:
        kernel.proc_takes = 3.0
        made = make("proc")
        seen = [made.read().table.complete for _ in range(5)]
        assert kernel.efforts == [0.5, 1.0, 2.0, 4.0, 4.0]
        assert seen == [False, False, False, True, True]

    def test_a_dump_that_was_cut_gets_more_as_well(self, kernel: Kernel) -> None:
        made = make("sock_diag")
        kernel.netlink_is_cut = True
        assert not made.read().table.complete
        made.read()
        assert kernel.netlink_efforts == [0.5, 1.0]

    def test_a_table_that_never_ends_is_not_read_for_ever(self, kernel: Kernel) -> None:
        kernel.proc_takes = 1e9
        made = make("proc", interval=60.0)
        for _ in range(20):
            assert not made.read().table.complete
        assert kernel.efforts[0] == FIRST_READ
        assert kernel.efforts[-1] == LONGEST_READ

    def test_a_copy_is_read_whole(self, kernel: Kernel) -> None:
        kernel.proc_takes = 1e9
        made = Source(Place(PROC, str(PROC), "copy", None), "auto", 1.0)
        assert len(made.read().table) == 1
        assert set(kernel.efforts) == {None}

    def test_a_sock_diag_that_stops_working_gives_way_to_proc(self, kernel: Kernel) -> None:
        kernel.proc_takes = 0.2
        made = make()
        kind(made)
        kernel.refused, kernel.proc_takes = {"sock_diag"}, 0.0
        assert kind(made) == "proc"
        kernel.tables_asked()
        assert (kind(made), kernel.tables_asked()) == ("proc", ["proc"])

    def test_a_one_shot_report_has_the_longest_read(self, kernel: Kernel) -> None:
        """Nobody waits for the next poll, so the interval sets no limit."""
        made = Source(make().place, "proc", 0.1, one_shot=True)
        kernel.proc_takes = 0.9 * LONGEST_READ
        reading = made.read()
        assert (reading.kind, reading.table.complete) == ("proc", True)
        assert kernel.efforts == [LONGEST_READ]

    @pytest.mark.parametrize("own", [True, False])
    def test_proc_by_choice_never_asks_another(self, kernel: Kernel, own: bool) -> None:
        kernel.proc_takes = 0.4
        assert kind(make("proc", own=own)) == "proc"
        assert kernel.tables_asked() == ["proc"]
        assert kernel.efforts == [pytest.approx(0.5)]

    def test_proc_by_choice_refused_is_refused(self, kernel: Kernel) -> None:
        kernel.refused = {"proc"}
        with pytest.raises(TableError, match="proc refused"):
            make("proc").read()
        assert kernel.tables_asked() == ["proc"]

    def test_sock_diag_by_choice_never_asks_another(self, kernel: Kernel) -> None:
        made = make("sock_diag")
        assert (kind(made), kernel.tables_asked()) == ("sock_diag", ["sock_diag"])
        kernel.refused = {"sock_diag"}
        with pytest.raises(TableError, match="sock_diag refused"):
            made.read()

    def test_a_foreign_procfs_never_asks_sock_diag(self, kernel: Kernel) -> None:
        """It would answer with the sockets of another namespace, bound ones too."""
        kernel.proc_takes = 0.4
        assert kind(make(own=False)) == "proc"
        kernel.refused = {"proc"}
        with pytest.raises(TableError):
            make(own=False).read()
        assert kernel.asked == ["proc", "proc"]

    def test_a_foreign_procfs_by_sock_diag_is_refused(self, kernel: Kernel) -> None:
        with pytest.raises(TableError, match="use --source proc"):
            make("sock_diag", own=False).read()
        assert kernel.asked == []


class TestBoundPorts:
    @pytest.mark.parametrize("choice", ["proc", "sock_diag"])
    def test_they_join_the_table_of_either_source(
        self, kernel: Kernel, choice: SourceChoice
    ) -> None:
        reading = make(choice).read()
        assert (reading.kind, reading.table.bound_ports.tolist()) == (choice, [9000])

    def test_they_are_waited_for(self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
        """Looking for them may take longer than reading the table beside it."""
        table_read = threading.Event()

        def read_proc(*_: object) -> SocketTable:
            table_read.set()
            return table(FROM_PROC)

        def read_bound_ports(given: Effort) -> Array:
            assert table_read.wait(10)
            return np.array([9000], np.uint16)

        monkeypatch.setattr(procfs, "read_sockets", read_proc)
        monkeypatch.setattr(sock_diag, "read_bound_ports", read_bound_ports)
        assert make("proc").read().table.bound_ports.tolist() == [9000]

    def test_backlog_limits_are_told_by_inode(
        self, kernel: Kernel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No file of /proc has them."""
        found = listener(inode=7), listener(port=81, inode=8), Sock(inode=7)
        monkeypatch.setattr(procfs, "read_sockets", lambda *_: table(*found))
        limits = make("proc").read().table.backlog_limit.tolist()
        assert limits == [128, UNKNOWN_LIMIT, 0]
        limits = make("proc", own=False).read().table.backlog_limit.tolist()
        assert limits == [UNKNOWN_LIMIT, UNKNOWN_LIMIT, 0]

    def test_of_a_foreign_procfs_none_are_known(self, kernel: Kernel) -> None:
        assert make(own=False).read().table.bound_ports.tolist() == []

    def test_looking_for_them_is_spaced_out_by_what_it_costs(self, kernel: Kernel) -> None:
        kernel.walk_takes = 0.5
        made = make("proc", interval=60.0)
        began = kernel.clock.now
        made.read()
        due = began + 0.5 + 0.5 / source.BOUND_WALK_SHARE
        kernel.bound = [9001]
        kernel.clock.now = due - 0.1
        assert made.read().table.bound_ports.tolist() == [9000], "the last ones are remembered"
        kernel.clock.now = due
        assert made.read().table.bound_ports.tolist() == [9001]
        assert kernel.asked.count("bound") == 2

    def test_at_no_cost_they_are_looked_for_at_each_poll(self, kernel: Kernel) -> None:
        made = make()
        for port in (1, 2, 3):
            kernel.bound = [port]
            assert made.read().table.bound_ports.tolist() == [port]

    def test_the_walk_has_ended_when_the_table_is_refused(self, kernel: Kernel) -> None:
        kernel.refused = {"proc", "sock_diag"}
        made = make()
        with pytest.raises(TableError):
            made.read()
        assert kernel.asked.count("bound") == 1


def test_a_reading_has_all_of_one_poll(kernel: Kernel) -> None:
    kernel.proc_takes = 0.05
    made = make("proc", own=False)
    reading = made.read()
    assert reading.place == made.place
    assert reading.read_seconds == pytest.approx(0.05)
    assert reading.time == NOW + kernel.clock.now
    assert reading.counters["tw"] == 3
    assert reading.parameters[0].value == "32768 60999"


@pytest.mark.parametrize("skips_empty", [True, False])
def test_only_sockstat_is_read_to_foretell_the_cost(
    monkeypatch: pytest.MonkeyPatch, skips_empty: bool
) -> None:
    """The other counters take ten times as long, and every poll asks."""
    read: list[str] = []

    def noted(root: Path, name: str) -> bytes:
        read.append(name)
        return read_below(root, name)

    monkeypatch.setattr(counters, "read_below", noted)
    Source(place_at(Path("/proc")), "auto", 1.0, skips_empty=skips_empty).read()
    assert read.count("net/sockstat") > 1
    assert read.count("net/netstat") == read.count("net/snmp") == 1


def test_a_refreshed_reading_keeps_its_table(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make("proc", own=False)
    dump = made.read()
    kernel.asked.clear()
    kernel.clock.now += 3
    monkeypatch.setattr(source, "read_counters", lambda *_: {"tw": 99})
    monkeypatch.setattr(source, "read_parameters", lambda _: dump.parameters[:1])
    later = made.refresh(dump)
    assert later.table is dump.table
    assert (later.table_time, later.time) == (dump.time, dump.time + 3)
    assert (later.counters, later.parameters) == ({"tw": 99}, dump.parameters[:1])
    assert kernel.asked == []


def all_of_a_thread(choice: SourceChoice) -> tuple[bool, int | None, list[int], str | None, bool]:
    """What a source reads in a thread that has moved to a namespace of its own."""
    main = place_at(Path("/proc"))
    seen: list[tuple[bool, int | None, list[int], str | None, bool]] = []

    def read() -> None:
        namespace.unshare_network()
        namespace.bring_up()
        namespace.sysctl("ipv4.ip_local_port_range", "20000 20999")
        with socket.socket() as bound, socket.socket() as listening:
            bound.bind(("127.0.0.1", 0))
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            made = Source(main, choice, 10.0).read()
            states, ports = made.table.state.tolist(), made.table.bound_ports.tolist()
            seen.append(
                (
                    states == [State.LISTEN],
                    made.place.id,
                    [port - bound.getsockname()[1] for port in ports],
                    made.parameters[0].value,
                    made.counters["inuse"] == 1,
                )
            )

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    (found,) = seen
    assert found[1] not in (None, main.id)
    return found


@pytest.mark.parametrize("choice", ["proc", "sock_diag"])
def test_all_of_a_reading_is_of_the_reading_threads_namespace(
    lab: Lab, choice: SourceChoice
) -> None:
    only_listener, _, bound, ports, counted = lab.call(all_of_a_thread, choice)
    assert only_listener
    assert bound == [0]
    assert ports == "20000 20999"
    assert counted
