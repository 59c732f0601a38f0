"""Each remedy of a plan is carried out, and brings as many connections as the plan says."""

import errno
import os
import re
import shlex
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from pyroute2 import IPRoute

from tests.live.fates import Fate, Pair, Server, exhausted, states
from tests.private import Lab, add_addresses, has_sysctl
from tests.sockets import connect, listen, tcp
from tui.lab.namespace import FAR, NEAR, OWN, peer, sysctl
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT

pytestmark = pytest.mark.live

LOW, SIZE = 40_000, 200
WIDEST = 1000
"""Ports that no range can go beyond, as all others are reserved: few enough to try them all."""
PORT = 5001
HERE, NOT_LOOPBACK = "127.0.0.1", OWN.v4[0]
USER = 1002
TRIES = 5


class Row(NamedTuple):
    """What a plan says of one option, as it passes from one process to another."""

    code: str
    capacity: int
    tuples: int
    requests: float
    sustainable_rate: float
    verdict: str
    commands: tuple[str, ...]


class Tried(NamedTuple):
    """What a plan promised, and how many connections there were."""

    promised: int
    connected: int


def rows(
    to: str, source: str | None = None, *, rate: float = 8, lifetime: float = 0
) -> dict[str, Row]:
    """What the plan says here and now; 8/s take 496 ports, and 992 not to be slow."""
    # The lab's processes start quicker without these.
    from tui.analysis.frame import judge
    from tui.kernel.places import place_at
    from tui.kernel.source import Source
    from tui.planning.demand import Demand
    from tui.planning.remedies import plan
    from tui.planning.setting import gather

    frame = judge(Source(place_at(Path("/proc")), "proc", interval=10).read())
    made = plan(Demand(rate, lifetime), gather(frame, source, to, PORT))
    return {
        option.code: Row(
            option.code,
            option.outcome.capacity,
            option.setting.tuples,
            option.setting.requests,
            option.outcome.sustainable_rate,
            option.outcome.verdict.name,
            option.commands,
        )
        for option in (made.today, *made.options)
    }


def apply(commands: tuple[str, ...], **words: str) -> None:
    """Do what the lines of a plan say, with its words in capitals replaced."""
    for line in commands:
        if line.startswith("#"):
            continue
        for word, meant in words.items():
            line = re.sub(rf"\b{word}\b", meant, line)
        match shlex.split(line):
            case ["sysctl", "-w", setting]:
                name, _, value = setting.partition("=")
                sysctl(name.removeprefix("net."), value)
            case ["ip", *_, "addr", "add", address, "dev", "lo"]:
                add_addresses(address.partition("/")[0])
            case ["ip", "route", "add", to, "via", _, "dev", dev, "src", source, "table", table]:
                with IPRoute() as links:  # there is no gateway to a neighbour
                    link = links.link_lookup(ifname=dev)[0]
                    links.route("add", dst=to, oif=link, prefsrc=source, table=int(table))
            case ["ip", "rule", "add", "uidrange", users, "lookup", table]:
                with IPRoute() as links:
                    span = users.replace("-", ":")
                    links.rule("add", uid_range=span, table=int(table), priority=100)
            case unknown:
                raise AssertionError(f"not tried: {unknown}")


@contextmanager
def serving(**sysctls: object) -> Iterator[Server]:
    """A server on every address, in a range of SIZE out of WIDEST ports, without reuse."""
    high = LOW + WIDEST
    rules = {
        "ip_local_reserved_ports": f"1024-{LOW - 1},{high}-65535",
        "ip_local_port_range": f"{LOW} {LOW + SIZE - 1}",
        "tcp_tw_reuse": 0,
    } | sysctls
    for name, value in rules.items():
        sysctl(f"ipv4.{name}", value)
    with Server("::", PORT) as server:
        yield server


def reach(*tuples: tuple[str, int, str | None]) -> int:
    """How many connections all these tuples take together, held at the same time."""
    with ExitStack() as stack:
        verdicts = [stack.enter_context(exhausted(*each, limit=2000)) for each in tuples]
        assert {verdict.error for verdict in verdicts} == {errno.EADDRNOTAVAIL}
        return sum(verdict.connected for verdict in verdicts)


def widened() -> list[Tried]:
    with serving():
        plan = rows(NOT_LOOPBACK)
        today = Tried(plan["today"].capacity, reach((NOT_LOOPBACK, PORT, None)))
        apply(plan["range"].commands)
        return [today, Tried(plan["range"].capacity, reach((NOT_LOOPBACK, PORT, None)))]


def widened_over_a_listener() -> list[Tried]:
    """Its port stays out of reach when it stops, since the plan has it reserved."""
    with serving():
        with listen("0.0.0.0", LOW + SIZE + 5):
            row = rows(NOT_LOOPBACK)["range"]
            apply(row.commands)
            listened = Tried(row.capacity, reach((NOT_LOOPBACK, PORT, None)))
        return [listened, Tried(row.capacity, reach((NOT_LOOPBACK, PORT, None)))]


def more_sources(to: str, *own: str) -> list[Tried]:
    with serving():
        row = rows(to)["sources"]
        own = own[: row.tuples - 1]
        spelled = tuple(line for line in row.commands if "addr add" in line)
        sources = {f"SOURCE{number}": ip for number, ip in enumerate(own, start=2)}
        apply(spelled, DEV="lo", **sources)
        add_addresses(*own[len(spelled) :])  # “and so on”
        used = (None, *own)
        return [Tried(row.capacity, reach(*((to, PORT, source) for source in used)))]


def more_sources_v4() -> list[Tried]:
    return more_sources(NOT_LOOPBACK, *(f"10.78.1.{last}" for last in range(2, 9)))


def more_sources_v6() -> list[Tried]:
    return more_sources(OWN.v6[0], *(f"fd00:78::1:{last}" for last in range(2, 9)))


def more_loopback_sources() -> list[Tried]:
    """Those of 127/8 are there without a command."""
    with serving():
        row = rows(HERE)["sources"]
        assert all(line.startswith("#") for line in row.commands)
        used = [None, *(f"127.0.0.{last}" for last in range(2, row.tuples + 1))]
        return [Tried(row.capacity, reach(*((HERE, PORT, source) for source in used)))]


def more_destination_addresses() -> list[Tried]:
    with serving():
        row = rows(NOT_LOOPBACK)["destinations"]
        further = [f"10.78.1.{last}" for last in range(2, row.tuples + 1)]
        add_addresses(*further)
        return [
            Tried(
                row.capacity, reach(*((to, PORT, NOT_LOOPBACK) for to in (NOT_LOOPBACK, *further)))
            )
        ]


def more_destination_ports() -> list[Tried]:
    with serving(), ExitStack() as stack:
        row = rows(NOT_LOOPBACK)["destinations"]
        ports = range(PORT, PORT + row.tuples)
        for port in ports[1:]:
            stack.enter_context(listen("0.0.0.0", port))
        return [Tried(row.capacity, reach(*((NOT_LOOPBACK, port, None) for port in ports)))]


def widened_and_more_sources() -> list[Tried]:
    with serving():
        row = rows(NOT_LOOPBACK, rate=12)["range+sources"]
        apply(row.commands[:3], DEV="lo", SOURCE2="10.78.1.2")  # reserve, widen, add
        used = (None, "10.78.1.2")
        return [Tried(row.capacity, reach(*((NOT_LOOPBACK, PORT, source) for source in used)))]


def kept_alive() -> list[Tried]:
    """Requests that are answered before no connection can be had."""
    with serving() as server:
        row = rows(NOT_LOOPBACK)["keep_alive"]
        count = int(row.requests)
        answered = 0
        with suppress(OSError):
            for _ in range(row.capacity + 10):
                pair = server.connect(NOT_LOOPBACK)
                for _ in range(count):
                    pair.client.send(b"?")
                    answered += len(pair.server.recv(1))
                Fate.CLIENT_CLOSED.come_about(pair)
        return [Tried(row.capacity * count, answered)]


@pytest.mark.parametrize(
    ("remedy", "promised"),
    [
        (widened, [SIZE, WIDEST]),
        (widened_over_a_listener, [WIDEST - 1] * 2),
        (more_sources_v4, [5 * SIZE]),
        (more_sources_v6, [5 * SIZE]),
        (more_loopback_sources, [5 * SIZE]),
        (more_destination_addresses, [5 * SIZE]),
        (more_destination_ports, [5 * SIZE]),
        (widened_and_more_sources, [2 * WIDEST]),
        (kept_alive, [5 * SIZE]),
    ],
)
def test_a_remedy_brings_what_the_plan_says(
    lab: Lab, remedy: Callable[[], list[Tried]], promised: list[int]
) -> None:
    tried = lab.call(remedy)
    assert tried == [Tried(count, count) for count in promised]


class Pace(NamedTuple):
    """Connections per second that the plan says can be sustained, and those that were made."""

    sustainable: float
    seconds: float
    connected: int


def reused(to: str, lifetime: float, delay_ms: int) -> Pace:
    """Connect as fast as it goes, once every port has been in TIME-WAIT."""
    with serving(tcp_tw_reuse_delay=delay_ms), ExitStack() as stack:
        with stack.enter_context(peer()).inside():
            server = stack.enter_context(Server("::", PORT))
        row = rows(to, rate=40, lifetime=lifetime)["reuse"]
        apply(row.commands)
        open_: list[tuple[float, Pair]] = []
        connected, start = 0, time.monotonic()
        while (now := time.monotonic()) < start + 1.3:
            while open_ and open_[0][0] <= now:
                Fate.CLIENT_CLOSED.come_about(open_.pop(0)[1])
            try:
                open_.append((time.monotonic() + lifetime, server.connect(to)))
                connected += 1
            except OSError:
                time.sleep(0.001)  # in which one port comes back
        return Pace(row.sustainable_rate, now - start, connected)


@pytest.mark.parametrize("to", [FAR.v4[0], FAR.v6[0]])
@pytest.mark.parametrize("lifetime", [0, 0.2])
def test_reuse_sustains_the_rate_that_the_plan_says(lab: Lab, to: str, lifetime: float) -> None:
    if not lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay"):
        pytest.skip("tcp_tw_reuse_delay came with Linux 6.14")
    for _ in range(TRIES):  # a busy machine may be slower than the ports are
        pace = lab.call(reused, to, lifetime, 200)
        assert pace.sustainable == pytest.approx(SIZE / (lifetime + 0.2))
        # The first ports are free at once, so up to one capacity more than the rate brings.
        assert pace.connected <= pace.sustainable * pace.seconds + SIZE
        if pace.connected >= 0.7 * pace.sustainable * pace.seconds:
            return
    raise AssertionError(f"{TRIES} times less than was promised: {pace}")


class Spread(NamedTuple):
    """What one source took, then the route's other source, then two sources by their users."""

    first: int
    moved: int
    still: int
    users: list[int]


def routed() -> Spread:
    to, other = FAR.v4
    with serving(), ExitStack() as stack:
        with stack.enter_context(peer()).inside():
            stack.enter_context(Server("::", PORT))
        with IPRoute() as links:
            near = links.link_lookup(ifname="near")[0]
            first = stack.enter_context(exhausted(other, PORT)).connected
            links.route("add", dst=f"{other}/32", oif=near, prefsrc=NEAR.v4[1])
            moved = stack.enter_context(exhausted(other, PORT)).connected
            still = stack.enter_context(exhausted(other, PORT)).connected
        try:
            with acting_as(USER):
                pass
        except OSError:  # a user namespace without another user
            return Spread(first, moved, still, [])
        apply(
            tuple(
                line
                for line in rows(to, NEAR.v4[0])["sources"].commands
                if " route " in line or " rule " in line
            ),
            DEV="near",
            SOURCE2=NEAR.v4[1],
            UID2=str(USER),
        )
        users = [stack.enter_context(exhausted(to, PORT)).connected]
        with acting_as(USER):  # the rule goes by who makes the socket
            users.append(stack.enter_context(exhausted(to, PORT)).connected)
        return Spread(first, moved, still, users)


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    own = os.geteuid()
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(own)


def test_a_route_moves_a_destination_once_and_users_spread_it(lab: Lab) -> None:
    spread = lab.call(routed)
    assert (spread.first, spread.moved, spread.still) == (SIZE, SIZE, 0)
    if not spread.users:
        pytest.skip("a user namespace without another user")
    assert spread.users == [SIZE, SIZE]


class Held(NamedTuple):
    """Ports that a pool and a server that closes first take, and what goes through them."""

    pool: int
    answered: int
    moved: int
    through: int
    time_waits: int


def never_waiting() -> Held:
    with serving() as server:
        plan = rows(NOT_LOOPBACK, rate=100, lifetime=0.5)
        pool = plan["pool"]
        size = round(100 * 0.5)
        pairs = [server.connect(NOT_LOOPBACK) for _ in range(size)]
        answered = 0
        for turn in range(3 * SIZE):
            pair = pairs[turn % size]
            pair.client.send(b"?")
            answered += len(pair.server.recv(1))
        held = states()["ESTABLISHED"] // 2
        for pair in pairs:
            Fate.SERVER_CLOSED.come_about(pair)
        through = 0
        for _ in range(3 * SIZE):
            Fate.SERVER_CLOSED.come_about(server.connect(NOT_LOOPBACK))
            through += 1
        time_waits = states()["TIME_WAIT"]  # a connection to one's port ends it
        left = reach((NOT_LOOPBACK, PORT, None))
        assert pool.verdict == plan["server_closes"].verdict == "WORKS"
        return Held(held, answered, left, through, time_waits)


def test_a_pool_and_a_server_that_closes_first_hold_a_port_while_it_is_open(lab: Lab) -> None:
    held = lab.call(never_waiting)
    assert (held.pool, held.answered) == (50, 3 * SIZE)
    assert (held.moved, held.through) == (SIZE, 3 * SIZE)
    assert held.time_waits > 0  # at the server's port


class Bound(NamedTuple):
    """Connections to each of three destinations, what ended them, and how many reuse brings."""

    connected: list[int]
    error: int | None
    reused: int


def bound_first(no_port: bool) -> Bound:
    """A client that binds before it connects, to one destination after the other."""
    with serving(tcp_tw_reuse_delay=50) as server:

        def fill(to: str) -> tuple[int, int | None]:
            for connected in range(SIZE + 1):
                client = tcp(to)
                try:
                    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, no_port)
                    client.bind((NOT_LOOPBACK, 0))
                    client.connect((to, PORT))
                except OSError as failure:
                    client.close()
                    return connected, failure.errno
                accepted = server.listener.accept()[0]
                client.close()
                accepted.recv(1)
                accepted.close()
            return SIZE + 1, None

        filled = [fill(f"127.0.0.{last}") for last in (1, 2, 3)]
        sysctl("ipv4.tcp_tw_reuse", 1)
        time.sleep(0.2)
        return Bound([count for count, _ in filled], filled[-1][1], fill(HERE)[0])


def test_bind_address_no_port_gives_each_destination_its_ports(lab: Lab) -> None:
    if not lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay"):
        pytest.skip("tcp_tw_reuse_delay came with Linux 6.14")
    assert lab.call(bound_first, False) == Bound([SIZE, 0, 0], errno.EADDRINUSE, 0)
    assert lab.call(bound_first, True) == Bound([SIZE] * 3, errno.EADDRNOTAVAIL, SIZE)


def connect_seconds(count: int) -> float:
    """The median time of a connect() that follows so many to the same destination."""
    with exhausted(HERE, PORT, limit=count):
        taken = []
        for _ in range(40):
            start = time.perf_counter()
            client = connect(HERE, PORT)
            taken.append(time.perf_counter() - start)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        return median(taken)


def on_both_sides_of_half() -> tuple[float, float]:
    size = 12_000
    with serving(ip_local_reserved_ports="", ip_local_port_range=f"{LOW} {LOW + size - 1}"):
        return connect_seconds(size * 45 // 100), connect_seconds(size * 55 // 100)


def test_past_half_of_the_ports_connect_is_slow(lab: Lab) -> None:
    fast, slow = lab.call(on_both_sides_of_half)
    assert slow > 4 * fast


class Refused(NamedTuple):
    """Connections closed, TIME-WAITs of them, overflows counted, and ports left afterwards."""

    closed: int
    time_waits: int
    overflows: int
    left: int


def overflows() -> int:
    lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    named = {
        name: value
        for lines_ in zip(lines[::2], lines[1::2], strict=True)
        for name, value in zip(*(line.split() for line in lines_), strict=True)
    }
    return int(named["TCPTimeWaitOverflow"])


def close_many(wait: float = 0, **sysctls: object) -> Refused:
    """Close three times as many connections as there are ports, or as many as there can be."""
    before = overflows()
    with serving(**sysctls) as server:
        closed = 0
        with suppress(OSError):
            while closed < 3 * SIZE:
                Fate.CLIENT_CLOSED.come_about(server.connect(NOT_LOOPBACK))
                closed += 1
        time.sleep(wait)
        time_waits, left = states()["TIME_WAIT"], 0
        with suppress(AssertionError):
            left = reach((NOT_LOOPBACK, PORT, None))
        return Refused(closed, time_waits, overflows() - before, left)


def test_tcp_fin_timeout_brings_no_port_back(lab: Lab) -> None:
    assert lab.call(close_many, 3.2, tcp_fin_timeout=1) == Refused(SIZE, SIZE, 0, 0)


def test_a_low_tcp_max_tw_buckets_brings_ports_at_the_price_of_overflows(lab: Lab) -> None:
    seen = lab.call(close_many, tcp_max_tw_buckets=50)
    assert seen.closed == 3 * SIZE
    assert seen.time_waits < SIZE
    assert seen.overflows >= 2 * SIZE


def test_tcp_tw_recycle_is_gone(lab: Lab) -> None:
    version = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    assert lab.call(has_sysctl, "ipv4.tcp_tw_recycle") == (version < (4, 12))


def reset() -> tuple[int, int]:
    with serving() as server:
        reset_by_peer = 0
        for _ in range(2 * SIZE):
            client, accepted = server.connect(NOT_LOOPBACK)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            try:
                accepted.recv(1)
            except ConnectionResetError:
                reset_by_peer += 1
            accepted.close()
        return reset_by_peer, states()["TIME_WAIT"]


def test_so_linger_resets_what_it_closes(lab: Lab) -> None:
    assert lab.call(reset) == (2 * SIZE, 0)
