"""`connectable` falls to 0 just when connect() starts to fail, in every case that has a name."""

import errno
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest

from tests.live.fates import (
    Fate,
    Server,
    exhausted,
    lists_bound,
    settle,
    states,
)
from tests.live.report import KINDS, read_report
from tests.private import Lab, has_sysctl, source_of
from tests.sockets import bind, listen, tcp
from tui.lab.namespace import FAR, NEAR, OWN, peer, sysctl

pytestmark = pytest.mark.live

LOW, SIZE = 40_000, 1_000
PORT = 5001
HERE = "127.0.0.1"
USUAL_DELAY_MS, SHORT_DELAY_MS = 1000, 200
"""A TIME-WAIT can be taken over after the first, and after the second where it can be set."""
MARGIN_SECONDS = 0.3
"""How long past that is waited."""


class Told(NamedTuple):
    """What the report promised, what connect() did then, and what the report said of that."""

    promised: int
    connected: int
    error: int | None
    left: int


def exactly(count: int) -> Told:
    """What is told of a destination with `count` ports left."""
    return Told(count, count, errno.EADDRNOTAVAIL, 0)


def promise(to: str, port: int = PORT, source: str | None = None) -> int:
    local, remote = ((ip.removeprefix("::ffff:")) for ip in (source or source_of(to), to))
    (promised,) = {read_report(kind).connectable(local, remote, port) for kind in KINDS}
    return promised


def ask(to: str, port: int = PORT, source: str | None = None) -> Told:
    promised = promise(to, port, source)
    with exhausted(to, port, source) as (connected, error):
        return Told(promised, connected, error, left=promise(to, port, source))


@contextmanager
def serving(*destinations: str, size: int = SIZE, **sysctls: object) -> Iterator[Server]:
    """A server at these destinations, in the small range, without reuse unless asked for."""
    rules = {"ip_local_port_range": f"{LOW} {LOW + size - 1}", "tcp_tw_reuse": 0} | sysctls
    for name, value in rules.items():
        sysctl(f"ipv4.{name}", value)
    with ExitStack() as stack:
        if {to.removeprefix("::ffff:") for to in destinations} & {*FAR.v4, *FAR.v6}:
            with stack.enter_context(peer()).inside():
                server = stack.enter_context(Server("::", PORT))
        else:
            server = stack.enter_context(Server("::", PORT))
        yield server


def make(server: Server, to: str, count: int, fate: Fate = Fate.CLIENT_CLOSED) -> None:
    for _ in range(count):
        fate.come_about(server.connect(to))


def pile_up(to: str) -> tuple[list[int], int, int | None]:
    """Close connection after connection; promises on the way, how far it went, what ended it."""
    promises = []
    with serving(to) as server:
        for made in range(SIZE + 10):
            if made % 100 == 0 or made > SIZE - 4:
                promises.append(promise(to) + made)
            try:
                make(server, to, 1)
            except OSError as error:
                return promises, made, error.errno
    return promises, made, None


@pytest.mark.parametrize(
    "to", [HERE, f"::ffff:{HERE}", "::1", OWN.v4[0], OWN.v6[0], FAR.v4[0], FAR.v6[0]]
)
def test_time_waits_pile_up_until_connect_fails(lab: Lab, to: str) -> None:
    promises, made, error = lab.call(pile_up, to)
    assert set(promises) == {SIZE}
    assert (made, error) == (SIZE, errno.EADDRNOTAVAIL)


def untouched() -> list[Told]:
    with serving():
        return [ask(HERE), ask(OWN.v4[0]), ask("::1")]


def reserved_ports() -> list[Told]:
    with serving(ip_local_reserved_ports=f"5-9,{LOW - 5}-{LOW + 4},{LOW + 100},50000"):
        return [ask(HERE), ask("::1")]


def held_connections() -> list[Told]:
    with serving() as server:
        make(server, HERE, 300, Fate.ESTABLISHED)
        make(server, HERE, 200, Fate.CLOSE_WAIT)
        make(server, HERE, 100, Fate.FIN_WAIT2_OPEN)
        return [ask(HERE)]


def a_listener_inside() -> list[Told]:
    with serving(), listen(HERE, LOW + 10), listen("::1", LOW + 20):
        return [ask(HERE), ask("::1"), ask(OWN.v4[0])]


def two_listeners_of_one_port() -> list[Told]:
    with serving(), listen(HERE, LOW, reuse_port=True), listen(HERE, LOW, reuse_port=True):
        return [ask(HERE)]


def a_server_inside() -> list[Told]:
    """Its own port is the only one that its clients cannot have."""
    with serving(), Server("::", LOW + 10) as inside:
        make(inside, HERE, 100)
        make(inside, HERE, 50, Fate.ESTABLISHED)
        return [ask(HERE, LOW + 10), ask(HERE)]


def bound_sockets_inside() -> list[Told]:
    with serving(), bind(HERE, LOW + 1), bind("::1", LOW + 2), bind("0.0.0.0", LOW + 3):
        return [ask(HERE), ask("::1")]


def several_destinations() -> list[Told]:
    with serving() as server:
        make(server, HERE, 400)
        make(server, "127.0.0.2", 600)
        return [ask(HERE), ask("127.0.0.2"), ask("127.0.0.3")]


def several_sources() -> list[Told]:
    with serving():
        return [ask(HERE, source=f"127.0.0.{last}") for last in (2, 3, 4)]


def both_families_of_one_tuple() -> list[Told]:
    with serving() as server:
        make(server, HERE, 300)
        make(server, f"::ffff:{HERE}", 200)
        return [ask(HERE), ask(f"::ffff:{HERE}")]


def ipv6_beside_ipv4() -> list[Told]:
    with serving() as server:
        make(server, HERE, 400)
        make(server, "::1", 300)
        return [ask("::1"), ask(HERE)]


def server_closed() -> list[Told]:
    """TIME-WAIT stays at the server's port: three times the range goes through it."""
    with serving() as server:
        make(server, HERE, 3 * SIZE, Fate.SERVER_CLOSED)
        return [ask(HERE)]


def mini_sockets_are_not_reused() -> list[Told]:
    with serving(size=100, tcp_tw_reuse=1) as server:
        make(server, HERE, 10, Fate.FIN_WAIT2_MINI)
        make(server, HERE, 5, Fate.FIN_WAIT2_ORPHAN)
        make(server, HERE, 20)
        settle(Counter(LISTEN=1, FIN_WAIT2=15, CLOSE_WAIT=15, TIME_WAIT=20))
        time.sleep(USUAL_DELAY_MS / 1000 + MARGIN_SECONDS)
        return [ask(HERE)]


@pytest.mark.parametrize(
    ("case", "left"),
    [
        (untouched, [1000, 1000, 1000]),
        (reserved_ports, [994, 994]),
        (held_connections, [400]),
        (a_listener_inside, [998, 998, 998]),
        (two_listeners_of_one_port, [999]),
        (a_server_inside, [849, 999]),
        (bound_sockets_inside, [997, 997]),
        (several_destinations, [600, 400, 1000]),
        (several_sources, [1000, 1000, 1000]),
        (both_families_of_one_tuple, [500, 500]),
        (ipv6_beside_ipv4, [700, 600]),
        (server_closed, [1000]),
        (mini_sockets_are_not_reused, [85]),
    ],
)
def test_connect_succeeds_as_often_as_promised(
    lab: Lab, case: Callable[[], list[Told]], left: list[int]
) -> None:
    if case is bound_sockets_inside and not lists_bound():
        pytest.skip("bound, unconnected sockets are listed since Linux 6.8")
    assert lab.call(case) == [exactly(count) for count in left]


def reserved_while_in_use() -> tuple[Told, int]:
    with serving() as server:
        make(server, HERE, 300, Fate.ESTABLISHED)
        half = LOW + SIZE // 2
        sysctl("ipv4.ip_local_reserved_ports", f"{LOW}-{half - 1}")
        held = sum(pair.client.getsockname()[1] >= half for pair in server.pairs)
        return ask(HERE), SIZE // 2 - held


def test_ports_that_are_reserved_while_in_use_are_neither_capacity_nor_in_use(lab: Lab) -> None:
    told, left = lab.call(reserved_while_in_use)
    assert told == exactly(left)


def too_many_time_waits() -> tuple[Told, int]:
    with serving(tcp_max_tw_buckets=100) as server:
        make(server, HERE, SIZE + 500)
        settle(Counter(LISTEN=1), optional=Counter(TIME_WAIT=SIZE // 2))
        return ask(HERE), SIZE - states()["TIME_WAIT"]


def test_time_waits_above_tcp_max_tw_buckets_take_no_ports(lab: Lab) -> None:
    told, left = lab.call(too_many_time_waits)
    assert told == exactly(left)


def bound_first() -> Told:
    with serving() as server, ExitStack() as stack:
        for _ in range(10):
            client = stack.enter_context(tcp(HERE))
            client.bind((HERE, 0))
            client.connect((HERE, PORT))
            server.listener.accept()[0].close()
        return ask("127.0.0.2")


def test_clients_that_bind_first_make_it_an_upper_bound(lab: Lab) -> None:
    told = lab.call(bound_first)
    assert (told.connected, told.error) == (SIZE - 10, errno.EADDRNOTAVAIL)
    assert told.promised >= told.connected


class Place(NamedTuple):
    """A destination, and whether it counts as loopback for tcp_tw_reuse."""

    to: str
    loopback: bool
    source: str | None = None


PLACES = (
    Place(HERE, True),
    Place("::ffff:127.0.0.2", True),
    Place("::1", True),
    Place(OWN.v4[0], False),
    Place(f"::ffff:{OWN.v4[1]}", False),
    Place(OWN.v6[0], False),
    Place(OWN.v4[0], True, HERE),
    Place(HERE, True, OWN.v4[0]),
    Place(FAR.v4[0], False),
    Place(f"::ffff:{FAR.v4[1]}", False),
    Place(FAR.v6[0], False),
    Place(FAR.v4[0], False, NEAR.v4[1]),
)
PORTS, CLOSED = 100, 60


def after_closing(seconds: float, **sysctls: object) -> dict[Place, Told]:
    with (
        serving(HERE, size=PORTS, **sysctls) as near,
        serving(FAR.v4[0], size=PORTS, **sysctls) as far,
    ):
        for place in PLACES:
            server = far if place.to.endswith((*FAR.v4, *FAR.v6)) else near
            for _ in range(CLOSED):
                Fate.CLIENT_CLOSED.come_about(server.connect(place.to, place.source))
        time.sleep(seconds)
        return {place: ask(place.to, PORT, place.source) for place in PLACES}


@pytest.mark.parametrize("reuse", [0, 1, 2])
@pytest.mark.parametrize("timestamps", [0, 1, 2])
def test_reuse_gives_ports_back_where_it_applies(lab: Lab, reuse: int, timestamps: int) -> None:
    rules = {"tcp_tw_reuse": reuse, "tcp_timestamps": timestamps}
    delay_ms = USUAL_DELAY_MS
    if timestamps != 1 and lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay"):
        delay_ms = rules["tcp_tw_reuse_delay"] = SHORT_DELAY_MS
    told = lab.call(after_closing, delay_ms / 1000 + MARGIN_SECONDS, **rules)
    assert told == {
        place: exactly(
            PORTS
            if timestamps and (reuse == 1 or (reuse == 2 and place.loopback))
            else PORTS - CLOSED
        )
        for place in PLACES
    }


@pytest.mark.parametrize(("delay_ms", "left"), [(50, PORTS), (60_000, PORTS - CLOSED)])
def test_reuse_waits_for_its_delay(lab: Lab, delay_ms: int, left: int) -> None:
    if not lab.call(has_sysctl, "ipv4.tcp_tw_reuse_delay"):
        pytest.skip("tcp_tw_reuse_delay came with Linux 6.14")
    told = lab.call(after_closing, 0.3, tcp_tw_reuse=1, tcp_tw_reuse_delay=delay_ms)
    assert told == dict.fromkeys(PLACES, exactly(left))
