"""`twtop simulate` as a command, against real servers: each wall is provoked, and named."""

import ctypes
import errno
import json
import math
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Self

import pytest
from pyroute2 import IPRoute

from tests.forked import twtop
from tests.live.fates import states
from tests.patience import limit, start_seconds, until
from tests.private import Lab, has_sysctl, newest
from tests.sockets import connect, listen
from tui.lab.namespace import FAR, NEAR, OWN, peer, sysctl
from tui.lab.outcome import Outcome
from tui.lab.process import Child
from tui.lab.server import Manner, Service, serve
from tui.lab.workload import Closing, Workload
from tui.stage.stage import Stage

pytestmark = pytest.mark.live

PORT = 5001
HERE, THERE = "127.0.0.1", FAR.v4[0]
PORTS = 1_000
SMALL: Mapping[str, object] = {"ip_local_port_range": "40000 40999", "tcp_tw_reuse": 0}


class Run(NamedTuple):
    """What the command said and returned."""

    code: int
    said: dict[str, Any]
    errors: str

    @classmethod
    def of(cls, code: int, out: str, errors: str) -> Self:
        return cls(code, json.loads(out) if out else {}, errors)

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said["result"]
        return found

    @property
    def wall(self) -> tuple[str, str, int] | None:
        """The error, the call and the connection."""
        wall = self.result["wall"]
        return wall and (wall["error"], wall["call"], wall["connection"])

    @property
    def why(self) -> str:
        return str((self.result["wall"] or self.result["kept_by"])["why"])

    @property
    def kept_by(self) -> str:
        return str(self.result["kept_by"]["by"])

    @property
    def expected(self) -> tuple[str | None, int | None]:
        return self.said["expected"]["error"], self.said["expected"]["connection"]


@contextmanager
def serving(
    manner: Manner | None = Manner.ANSWERS,
    *,
    to: str = HERE,
    port: int = PORT,
    backlog: int = 65535,
    **set_: object,
) -> Iterator[Child | None]:
    """A server, or nobody, and the sysctls of the clients' namespace."""
    for name, value in {**SMALL, **set_}.items():
        sysctl(f"ipv4.{name}", value)
    with ExitStack() as stack:
        far = stack.enter_context(peer()) if to == THERE else None
        with far.inside() if far else nullcontext():
            child = Child(serve, Service(((to, port),), manner, backlog)) if manner else None
        if child is not None:
            stack.enter_context(child).receive()
        yield child


def simulate(
    *arguments: str, to: str = HERE, port: int = PORT, before: Callable[[], None] | None = None
) -> Run:
    return Run.of(*twtop(*call(to, port), *arguments, before=before))


def start(*arguments: str, to: str = HERE, port: int = PORT) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tui", *call(to, port), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> Run:
    out, errors = process.communicate(timeout=limit())
    return Run.of(process.returncode, out, errors)


def call(to: str, port: int) -> tuple[str, ...]:
    return "simulate", to, str(port), "--yes", "--json"


def one_source() -> list[Run]:
    with serving():
        return [simulate(), simulate("--max", "10")]


def test_a_small_range_is_full_at_connection_1001(lab: Lab) -> None:
    first, second = lab.call(one_source)
    assert first.code == first.said["exit_code"] == 1
    assert (
        first.wall == (*first.expected[:1], "connect", 1001) == ("EADDRNOTAVAIL", "connect", 1001)
    )
    assert first.said["planned"] == 5 * PORTS
    assert first.result["connected"] == first.result["time_wait"] == PORTS
    assert first.result["errors"] == {"EADDRNOTAVAIL": 1}
    assert first.result["ports"] == {"capacity": PORTS, "in_use": PORTS, "utilization": 1.0}
    assert "All 1,000 ports" in first.why
    assert "tcp_tw_reuse = 0" in first.why
    assert first.result["left_behind"].startswith("1,000 TIME-WAITs")
    # What the first has left behind is in the second's way, which knows it.
    assert second.wall == ("EADDRNOTAVAIL", "connect", 1)
    assert second.expected == ("EADDRNOTAVAIL", 1)
    assert "1,000 already in use" in second.said["expected"]["because"]


EACH = 300
"""Ports of each source: few, so that all are taken before the first is given back, even where a
machine makes thirty connections a second."""


def three_sources() -> Run:
    with serving(ip_local_port_range=f"40000 {40000 + EACH - 1}"):
        return simulate(*(word for last in "234" for word in ("--source", f"127.0.0.{last}")))


def test_each_source_has_the_range_for_itself(lab: Lab) -> None:
    run = lab.call(three_sources)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 3 * EACH + 1)
    assert run.expected == ("EADDRNOTAVAIL", 3 * EACH + 1)
    assert run.said["sources"] == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    assert run.said["planned"] == 5 * 3 * EACH


def reuse() -> list[Run]:
    with serving(to=THERE, tcp_tw_reuse=1):
        return [simulate("2", to=THERE)]


def test_reuse_across_hosts_keeps_it_away(lab: Lab) -> None:
    (run,) = lab.call(reuse)
    assert (run.code, run.wall, run.expected) == (0, None, (None, None))
    assert run.said["target"]["place"] == "neighbour"
    assert run.said["sources"] == [NEAR.v4[0]]
    assert run.result["connected"] == 2 * PORTS
    assert run.kept_by == "reuse"
    assert run.result["counters"]["TWRecycled"] >= PORTS
    assert "tcp_tw_reuse = 1" in run.why


def reuse_on_loopback_only() -> Run:
    with serving(to=THERE, tcp_tw_reuse=2):
        return simulate(to=THERE)


def test_reuse_of_loopback_does_not_reach_another_host(lab: Lab) -> None:
    run = lab.call(reuse_on_loopback_only)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1001)
    assert run.expected == ("EADDRNOTAVAIL", 1001)
    assert "tcp_tw_reuse = 2, which is for loopback" in run.why


DELAY = 50


def reuse_too_late() -> Run:
    """With a delay in seconds that no client is slow enough for."""
    with serving(tcp_tw_reuse=1, tcp_tw_reuse_delay=1000 * DELAY):
        return simulate("--rate", "max")


def test_reuse_comes_too_late_for_a_fast_client(lab: Lab) -> None:
    if not lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay"):
        pytest.skip("ports come back at the next full second before Linux 6.14: no wall is sure")
    run = lab.call(reuse_too_late)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1001)
    assert run.expected == ("EADDRNOTAVAIL", 1001)
    assert f"gives a port back after {DELAY}" in run.why
    assert f"{PORTS // DELAY:,}/s could be sustained" in run.why


def bind_first() -> list[Run]:
    with serving():
        return [simulate("--bind-first"), simulate("--bind-first", "--source", "127.0.0.2")]


def test_bind_finds_no_port(lab: Lab) -> None:
    anywhere, somewhere = lab.call(bind_first)
    assert anywhere.wall == ("EADDRINUSE", "bind", 1001)
    assert anywhere.expected == ("EADDRINUSE", 1001)
    assert "for all destinations" in anywhere.why
    assert somewhere.wall == ("EADDRINUSE", "bind", 1001)
    assert "on 127.0.0.2" in somewhere.why


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))


def descriptors() -> Run:
    with serving():
        return simulate("--hold", before=few_files)


def test_held_connections_run_out_of_descriptors(lab: Lab) -> None:
    run = lab.call(descriptors)
    assert run.wall is not None
    error, call, connection = run.wall
    assert (error, call) == ("EMFILE", "socket")
    assert 100 < connection < 128
    assert run.said["limits"]["files"] == 128  # the soft limit was raised to the hard one
    assert run.expected[0] == "EMFILE"
    assert abs((run.expected[1] or 0) - connection) < 5
    assert "128 descriptors" in run.why


def held() -> list[Run]:
    with serving():
        return [simulate("--hold", "--max", "900"), simulate("--hold")]


def test_held_connections_run_out_of_ports(lab: Lab) -> None:
    fewer, all_ = lab.call(held)
    assert (fewer.code, fewer.kept_by) == (0, "few")
    assert fewer.result["time_wait"] == 900  # they are closed at the end
    assert all_.wall == ("EADDRNOTAVAIL", "connect", 101)


def full_backlog() -> Run:
    with serving(Manner.NEVER_ACCEPTS, backlog=1):
        return simulate("--timeout", "1")


def test_a_full_backlog_times_out(lab: Lab) -> None:
    run = lab.call(full_backlog)
    assert run.wall == ("ETIMEDOUT", "connect", 3)
    assert run.result["counters"]["ListenOverflows"] > 0
    assert "accept queue was full: ListenOverflows rose by" in run.why
    assert "2 connections still waiting to be accepted" in run.why


def full_backlog_next_door() -> Run:
    # Other labs on this machine have the same addresses, but not this port.
    port = 10_000 + os.getpid() % 30_000
    with serving(Manner.NEVER_ACCEPTS, to=THERE, port=port, backlog=1):
        return simulate("--timeout", "0.5", to=THERE, port=port)


def test_a_full_backlog_in_another_namespace_is_seen_too(lab: Lab) -> None:
    run = lab.call(full_backlog_next_door)
    assert run.wall == ("ETIMEDOUT", "connect", 3)
    assert "ListenOverflows" not in run.result["counters"]  # which are the clients' own
    assert "accept queue was full: ListenOverflows rose by" in run.why


def nobody() -> Run:
    with serving(None):
        return simulate()


def test_nobody_listens(lab: Lab) -> None:
    run = lab.call(nobody)
    assert run.wall == ("ECONNREFUSED", "connect", 1)
    assert f"Nothing listens on {HERE}:{PORT}" in run.why
    assert run.result["left_behind"] == "nothing"


CONNECT = {"x86_64": 42, "aarch64": 203}.get(platform.machine())
"""connect()'s number among the system calls."""


def connect_has_no_memory() -> None:
    """Have seccomp(2) answer every connect() of this process with ENOBUFS."""
    allow, fail = 0x7FFF0000, 0x00050000 | errno.ENOBUFS
    code = b"".join(
        struct.pack("HBBI", *one)
        for one in ((0x20, 0, 0, 0), (0x15, 0, 1, CONNECT), (0x06, 0, 0, fail), (0x06, 0, 0, allow))
    )
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def no_memory() -> Run:
    with serving():
        return simulate(before=connect_has_no_memory)


@pytest.mark.skipif(CONNECT is None, reason="the number of connect() is known for x86-64 and arm64")
def test_the_kernel_has_no_memory(lab: Lab) -> None:
    run = lab.call(no_memory)
    assert run.wall == ("ENOBUFS", "connect", 1)
    assert "no memory" in run.why
    assert "tcp_mem" in run.why


class NeverClosed(NamedTuple):
    """Two runs within a tcp_fin_timeout, and one after it."""

    fin_timeout: int
    first: Run
    second: Run
    later: Run


def never_closed() -> NeverClosed:
    fin_timeout = math.ceil(6 * start_seconds())  # time for two runs
    with serving(Manner.NEVER_CLOSES, tcp_fin_timeout=fin_timeout, tcp_tw_reuse=1):
        first, second = simulate("--rate", "max"), simulate("--max", "10")
        until(lambda: not states()["FIN_WAIT2"], "the end of tcp_fin_timeout", step=0.1)
        return NeverClosed(fin_timeout, first, second, simulate("--max", "100", "--rate", "max"))


def test_a_server_that_never_closes(lab: Lab) -> None:
    fin_timeout, first, second, later = lab.call(never_closed)
    assert first.wall == ("EADDRNOTAVAIL", "connect", PORTS + 1)
    assert second.wall == ("EADDRNOTAVAIL", "connect", 1)  # reuse does not reach them
    assert (first.result["time_wait"], first.result["fin_wait2"]) == (0, PORTS)
    assert "taken: 1,000 in FIN-WAIT-2. The server has not closed its side" in first.why
    assert f"tcp_fin_timeout = {fin_timeout} s after our close" in first.why
    assert "sustained" not in first.why
    assert first.result["left_behind"].startswith("1,000 in FIN-WAIT-2, not closed by the server")
    assert (later.code, later.result["connected"]) == (0, 100)


def twenty_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))


def few_descriptors() -> list[Run]:
    with serving():
        there = [simulate(before=twenty_files)]
    with serving(Manner.NEVER_CLOSES, port=PORT + 1):
        return [*there, simulate(port=PORT + 1, before=twenty_files)]


def test_half_closed_connections_do_not_use_up_the_descriptors(lab: Lab) -> None:
    for run in lab.call(few_descriptors):
        assert run.said["limits"]["files"] == 20
        assert run.wall == ("EADDRNOTAVAIL", "connect", PORTS + 1)


def watched() -> Outcome:
    twenty_files()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert limits == (20, 20)
    stage = Stage()
    with serving(), closing(stage):
        stage.run(Workload(((HERE, PORT),), closing=Closing.NOBODY, most=PORTS))
        while not (outcome := newest(stage)).ended:
            pass
        return outcome


def test_the_clients_of_watch_have_the_limit_that_is_told(lab: Lab) -> None:
    with Lab() as own:  # whose limit is lowered for good
        outcome = own.call(watched)
    assert outcome.first_failure is not None
    assert outcome.first_failure.error == "EMFILE"
    assert outcome.connected < 20


def reserved() -> list[Run]:
    with serving(ip_local_reserved_ports="40000-40999"):
        none = [simulate(), simulate("--bind-first"), simulate("--source", "127.0.0.9")]
    with serving(ip_local_reserved_ports="40001-40999"):
        return [*none, simulate("--source", "127.0.0.9"), simulate()]


def test_a_range_that_is_all_reserved(lab: Lab) -> None:
    *none, given, chosen = lab.call(reserved)
    for run in none:
        assert (run.code, run.said) == (3, {})
        assert run.errors == (
            "twtop: no port to connect from: of ip_local_port_range = 40000–40999, "
            "ip_local_reserved_ports excludes 1,000, and bound sockets take 0 more\n"
        )
    for run in given, chosen:
        assert run.wall == ("EADDRNOTAVAIL", "connect", 2)
    assert chosen.said["sources"] == [HERE]


def redirected() -> list[int]:
    command = f"{sys.executable} -m tui simulate {HERE} {PORT} --yes --max 5"
    with serving():
        return [
            subprocess.run(f"{command} {how}", shell=True, stderr=subprocess.DEVNULL).returncode
            for how in (">/dev/full", "--json >/dev/full", ">&-", "--json >&- 2>&- <&-")
        ]


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="needs a shell")
def test_output_that_cannot_be_written_is_no_wall(lab: Lab) -> None:
    assert lab.call(redirected) == [3, 3, 3, 3]


ELSEWHERE = "192.0.2.1"
"""RFC 5737: an address that is nobody's."""


def no_route() -> list[Run]:
    with serving():
        return [simulate(to=ELSEWHERE), simulate("--i-own-this-target", to=ELSEWHERE)]


def test_other_machines_are_refused_unless_owned(lab: Lab) -> None:
    refused, owned = lab.call(no_route)
    assert (refused.code, refused.said) == (2, {})
    assert refused.errors.startswith(f"twtop: {ELSEWHERE} is not an address of this machine")
    assert "--i-own-this-target" in refused.errors
    assert refused.errors.count("\n") == 1
    assert owned.wall == ("ENETUNREACH", "connect", 1)
    assert f"no route to {ELSEWHERE}" in owned.why


def foreign_source() -> list[Run]:
    with serving():
        return [
            simulate("--source", ip)
            for ip in (ELSEWHERE, "::1", "here", "0.0.0.0", "224.0.0.1", "127.255.255.255")
        ]


def test_a_source_must_be_local(lab: Lab) -> None:
    for run, why in zip(
        lab.call(foreign_source),
        (
            *(
                "an address of this host",
                "different IP versions",
                "not an IP",
                "leave out --source-ip",
            ),
            *("an address of this host", "an address of this host"),
        ),
        strict=True,
    ):
        assert run.code == 2
        assert why in run.errors
        assert "--source" in run.errors


def no_ipv6() -> list[Run]:
    with serving():
        simulate()  # the ports of IPv4 are all taken
        sysctl("ipv6.conf.all.disable_ipv6", 1)
        given = simulate("--source", "::1", to="::1")
        return [simulate(to="::1"), given]


def test_without_ipv6_it_is_the_address_that_is_missing(lab: Lab) -> None:
    run, given = lab.call(no_ipv6)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1)
    assert run.expected == ("EADDRNOTAVAIL", 1)
    assert "not the ports: lo has no ::1" in run.why
    assert "disable_ipv6" in run.why
    assert given.code == 2
    assert "--source-ip ::1 is not an address of this host" in given.errors


def source_goes() -> Run:
    with serving():
        process = start("--rate", "50", "--source", OWN.v4[0])
        until(lambda: states()["TIME_WAIT"], "the first connection")
        with IPRoute() as links:
            links.flush_addr(index=links.link_lookup(ifname="lo")[0], address=OWN.v4[0])
        return finish(process)


def test_a_source_that_goes_meanwhile(lab: Lab) -> None:
    run = lab.call(source_goes)
    assert run.wall is not None
    assert run.wall[:2] == ("EADDRNOTAVAIL", "bind")
    assert f"not the ports: {OWN.v4[0]} is no longer an address" in run.why


def taken_by_bind() -> Run:
    """Ten ports, each bound to another address first: they look like any other connection's."""
    with serving(ip_local_port_range="40000 40009"), ExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.5", PORT + 1))
        for number in range(10):
            stack.enter_context(connect("127.0.0.5", PORT + 1, "127.0.0.9", 40_000 + number))
            stack.enter_context(listener.accept()[0])
        return simulate()


def test_ports_that_somebody_else_has_bound(lab: Lab) -> None:
    run = lab.call(taken_by_bind)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1)
    assert run.why.startswith("Only 0 of 10 ports are seen in use. The others are bound")


def resets() -> Run:
    with serving(Manner.RESETS):
        # As fast as it goes, a server that gets no processor for a while is late with its resets.
        return simulate("2", "--rate", "2000")


@pytest.mark.skipif(os.cpu_count() == 1, reason="the client closes before the server can reset")
def test_a_server_that_resets_leaves_no_time_waits(lab: Lab) -> None:
    run = lab.call(resets)
    assert (run.wall, run.kept_by) == (None, "reset")
    assert run.result["connected"] == 2 * PORTS
    assert "A reset leaves no TIME-WAIT" in run.why


def one_cpu() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def server_closes_first() -> Run | None:
    with serving(Manner.CLOSES_FIRST) as server:
        assert server is not None
        # On the clients' processor and before them in its queue, it has closed before connect()
        # returns there.
        os.sched_setaffinity(server.process.pid, {min(os.sched_getaffinity(0))})
        try:
            os.sched_setscheduler(server.process.pid, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            return None
        return simulate("2", before=one_cpu)


def test_a_server_that_closes_first_has_the_time_waits(lab: Lab) -> None:
    run = lab.call(server_closes_first)
    if run is None:
        pytest.skip("a server that is always quicker needs real-time priority")
    assert (run.wall, run.kept_by) == (None, "server")
    assert run.result["connected"] == 2 * PORTS
    # At most half of the ports, as connect() finds those of one parity free again and again.
    assert run.result["server_time_wait"] > run.result["time_wait"]
    assert "The server closed first in" in run.why


def buckets() -> Run:
    with serving(tcp_max_tw_buckets=100):
        return simulate("2")


def test_overflowing_buckets_keep_it_away(lab: Lab) -> None:
    run = lab.call(buckets)
    assert (run.wall, run.kept_by, run.expected) == (None, "overflow", (None, None))
    assert run.result["counters"]["TCPTimeWaitOverflow"] >= PORTS
    assert "tcp_max_tw_buckets = 100 was exceeded" in run.why


def slow() -> Run:
    with serving():
        return simulate("--rate", "10", "--duration", "0.8")


def test_a_slow_client_never_gets_there(lab: Lab) -> None:
    run = lab.call(slow)
    assert (run.wall, run.kept_by, run.expected) == (None, "slow", (None, None))
    assert run.result["seconds"] >= 0.8
    assert 1 <= run.result["connected"] <= 10 * run.result["seconds"] + 1
    assert "It ended with --duration, after " in run.why


def interrupted(number: signal.Signals) -> Run:
    with serving():
        process = start("--rate", "50")  # its wall would be twenty seconds away
        until(lambda: states()["TIME_WAIT"], "the first connection")
        process.send_signal(number)
        return finish(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_summary_comes(lab: Lab, number: signal.Signals) -> None:
    run = lab.call(interrupted, number)
    assert (run.code, run.wall, run.result["stopped_by"]) == (0, None, number.name)
    assert 0 < run.result["connected"] < PORTS
    assert run.result["time_wait"] == run.result["connected"]
    assert f"{number.name} stopped it" in run.why


def keep_going() -> Run:
    with serving():
        return simulate("--keep-going", "--max", "1020")


def test_it_goes_on_after_an_error(lab: Lab) -> None:
    run = lab.call(keep_going)
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1001)
    assert run.result["attempted"] == 1020
    assert run.result["errors"] == {"EADDRNOTAVAIL": 20}


def several_clients() -> Run:
    with serving():
        return simulate("--concurrency", "50")


def test_many_clients_hit_the_same_wall(lab: Lab) -> None:
    run = lab.call(several_clients)
    assert run.result["connected"] == PORTS
    assert run.wall == ("EADDRNOTAVAIL", "connect", 1001)


def the_other_family() -> list[Run]:
    with serving(to="::"):
        return [
            simulate(to="::1"),
            simulate(to="::ffff:127.0.0.1"),
            simulate("--max", "5", to=OWN.v4[0]),
        ]


def test_every_address_of_this_host_is_allowed(lab: Lab) -> None:
    six, mapped, own = lab.call(the_other_family)
    assert six.wall == mapped.wall == ("EADDRNOTAVAIL", "connect", 1001)
    assert mapped.said["target"]["ip"] == "127.0.0.1"
    assert own.said["target"]["place"] == "here"
    assert own.result["connected"] == 5


def as_text() -> tuple[int, str, str]:
    with serving():
        ran = subprocess.run(
            [sys.executable, "-m", "tui", "simulate", HERE, str(PORT), "--yes"],
            capture_output=True,
            text=True,
            timeout=limit(),
            env=os.environ | {"COLUMNS": "80"},
        )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_text_fits_80_columns(lab: Lab) -> None:
    code, out, errors = lab.call(as_text)
    assert code == 1
    assert all(" of 5,000 · " in line for line in errors.splitlines())  # how far it has come
    assert "Wall: EADDRNOTAVAIL from connect() at connection 1,001" in out
    assert "Expected: EADDRNOTAVAIL at about connection 1,001" in out
    assert "ip_local_port_range" in out
    assert max(map(len, out.splitlines())) <= 80
