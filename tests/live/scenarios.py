"""Random scenarios: what a namespace holds before connect() is asked how much it still gives.

`generate` is pure: the same seed and number give the same Scenario everywhere. `play` builds it
of real sockets, reads the report, and then lets connect() be the judge.

Left out, because nothing outside the process or the kernel can tell them from others, so that
twtop's figure is an upper bound there: in-range ports whose listener was closed while accepted
connections live on, sockets that were bound first and connected then to another destination or
under tcp_tw_reuse, TIME-WAITs made under other timestamp settings or with a peer without
timestamps, and sockets bound to a device. Left out too: ranges of an odd size, of which
connect() may skip an edge or go past it.
"""

import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from tests import private, sockets
from tests.live import fates
from tests.live.fates import Fate, Server, Verdict
from tests.live.report import KINDS, Kind, read_report
from tui.lab import namespace
from tui.lab.namespace import FAR, NEAR, OWN, Ends

MARGIN_MS = 200
"""How far all keep away from the age at which a TIME-WAIT becomes reusable."""
LASTS_SECONDS = 55
"""For so long all stays as it was made: then the first TIME-WAITs end."""
PAUSE_MS = 1000
"""The longest reuse delay that is waited for."""
REUSE_DELAY = "ipv4.tcp_tw_reuse_delay"
AT_SERVER = (Fate.SERVER_CLOSED,)
STUCK = tuple(fate for fate in Fate if fate.client in ("FIN_WAIT1", "LAST_ACK", "CLOSING"))
QUICK = tuple(fate for fate in Fate if fate not in STUCK)
SILENT = "10.77.0.99", "fd00:77::99"
"""Addresses on the veth that nobody has: what goes there gets no answer of any kind."""
OWN_PORTS = range(10_000, 15_000)
"""Below all ranges: what clients with a list of their own take from here is in nobody's way."""


class Place(Enum):
    """Where the destination is, and the addresses it can be reached from."""

    LOOPBACK = (
        Ends(("127.0.0.1", "127.0.0.9"), ("::1", OWN.v6[0])),
        Ends(("127.0.0.2", OWN.v4[0]), ("::1", OWN.v6[1])),
    )
    OWN = OWN, Ends((OWN.v4[1], "127.0.0.2"), (OWN.v6[1], "::1"))
    VETH = FAR, NEAR

    def __init__(self, there: Ends, here: Ends) -> None:
        self.there = there
        self.here = here

    def __repr__(self) -> str:
        return str(self)


class Route(NamedTuple):
    """What connect() is given."""

    to: str
    port: int
    source: str | None


class Group(NamedTuple):
    """Connections that end alike."""

    route: Route
    mapped: bool
    """Made by AF_INET6 sockets to the mapped address."""
    fate: Fate
    fresh: bool
    """Made after the others have ripened, and asked about before it ripens."""
    connections: int


class Listed(NamedTuple):
    """A connection of a client that names its source port itself."""

    route: Route
    port: int
    fate: Fate


class Squatter(NamedTuple):
    """An explicitly bound socket, or two: no connect() can have its port."""

    ip: str
    port: int
    listens: bool
    v6only: bool
    twice: bool
    accepted: int
    """Connections to it that nobody has taken from its queue."""


@dataclass(frozen=True)
class Scenario:
    """One state of a namespace, and the destination that is asked about."""

    seed: int
    number: int
    place: Place
    low: int
    size: int
    moved: int
    """How far the range is moved once the sockets are there."""
    reserved: tuple[range, ...]
    reserved_late: tuple[range, ...]
    squatters: tuple[Squatter, ...]
    late_squatters: int
    """Bound over ports of the destination's connections, at another address."""
    reuse: int
    reuse_delay_ms: int
    timestamps: int
    ports: tuple[int, int]
    """Where the destination's listeners are."""
    target: Route
    mapped: bool
    groups: tuple[Group, ...]
    listed: tuple[Listed, ...]
    unanswered: tuple[tuple[Route, int], ...]
    """How many SYNs are on their way to silent addresses."""

    @property
    def silent(self) -> bool:
        """Whether nobody answers at the destination: its connections stay in SYN-SENT."""
        return self.target.to in SILENT

    @property
    def pause_ms(self) -> int:
        """How long the older TIME-WAITs are left to ripen."""
        closed = any(group.fate is Fate.CLIENT_CLOSED and not group.fresh for group in self.groups)
        ripens = self.reuse and self.reuse_delay_ms <= PAUSE_MS
        return self.reuse_delay_ms + MARGIN_MS if closed and ripens else 0

    @property
    def fresh(self) -> bool:
        """Whether it must be answered before what is fresh has ripened."""
        return any(group.fresh for group in self.groups)

    def __str__(self) -> str:
        lines = (f"  {name} = {value!r}" for name, value in vars(self).items() if name != "groups")
        groups = (f"    {group!r}" for group in self.groups)
        return "\n".join((f"scenario {self.number} of seed {self.seed}:", *lines, *groups))


def generate(seed: int, number: int) -> Scenario:
    """The scenario of this number, always the same for the same seed."""
    return _Dice(f"{seed}/{number}").scenario(seed, number)


class _Dice(random.Random):
    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def scenario(self, seed: int, number: int) -> Scenario:
        size = 2 * self.randint(10, 100)
        low = self.randint(20_000, 60_000)
        near = range(low - size, low + 2 * size)
        taken = self.sample(near, 8)
        place = self.choice(list(Place))
        v6 = self.chance(0.4)
        there = place.there.v6 if v6 else place.there.v4
        here = place.here.v6 if v6 else place.here.v4
        ports = taken.pop() if self.chance(0.2) else 5001, taken.pop() if self.chance(0.2) else 5002
        sourced = self.chance(0.3)
        routes = [
            Route(to, port, source)
            for to in there
            for port in ports
            for source in (here if sourced else (None,))
        ]
        self.shuffle(routes)

        reserved = self.spans(near, self.choice((0, 0, 1, 2)), size)
        squatters = [self.squatter(taken.pop()) for _ in range(self.choice((0, 0, 1, 2, 4)))]
        # To the destination alone: from others' they would take what no table tells of.
        inside = [taken.pop() for _ in range(self.choice((0, 0, 1, 2)))]
        usable = set(range(low, low + size)).difference(*reserved, inside)
        usable -= {squatter.port for squatter in squatters}
        if place is not Place.VETH:
            usable -= set(ports)
        reuse, timestamps = self.choice((0, 1, 1, 2, 2)), self.choice((1, 1, 1, 1, 2, 0))
        delay = self.choice((50, 100, 200, PAUSE_MS, PAUSE_MS, 60_000))
        # Only a delay of this length leaves time to make some and to ask before they ripen.
        fresh = delay == PAUSE_MS and self.chance(0.7)
        groups = self.groups(routes, len(usable), may_map=not v6, fresh=fresh)
        listed = self.listed(routes, inside)
        unanswered: tuple[tuple[Route, int], ...] = ()
        target = routes[0]
        if place is Place.VETH and self.chance(0.5):
            route = Route(SILENT[v6], self.choice(ports), self.choice(here) if sourced else None)
            unanswered = ((route, self.choice((0, len(usable), self.randint(0, len(usable))))),)
            if not inside and self.chance(0.5):
                target = route
        return Scenario(
            seed=seed,
            number=number,
            place=place,
            low=low,
            size=size,
            moved=2 * self.randint(-size // 2, size // 2) if self.chance(0.1) else 0,
            reserved=reserved,
            reserved_late=self.spans(near, self.choice((0, 0, 0, 1)), size),
            squatters=tuple(s._replace(accepted=min(s.accepted, len(usable))) for s in squatters),
            late_squatters=self.choice((0, 0, 0, 1, 3)),
            reuse=reuse,
            reuse_delay_ms=delay,
            timestamps=timestamps,
            ports=ports,
            target=target,
            mapped=not v6 and self.chance(0.4),
            groups=groups,
            listed=listed,
            unanswered=unanswered,
        )

    def spans(self, near: range, count: int, size: int) -> tuple[range, ...]:
        starts = (self.choice(near) for _ in range(count))
        return tuple(range(start, start + self.randint(1, size // 3)) for start in starts)

    def squatter(self, port: int) -> Squatter:
        listens = self.chance(0.6)
        ip = self.choice(
            ("0.0.0.0", "::", "127.0.0.50", "::ffff:127.0.0.51", "::1", OWN.v4[1], OWN.v6[1])
        )
        return Squatter(
            ip=ip,
            port=port,
            listens=listens,
            v6only=ip == "::" and self.chance(0.5),
            twice=self.chance(0.2),
            accepted=self.randint(0, 3) if listens else 0,
        )

    def listed(self, routes: list[Route], inside: list[int]) -> tuple[Listed, ...]:
        """Connections from ports that their clients chose: in the range, and below it."""
        outside = self.sample(OWN_PORTS, self.choice((0, 0, 2, 20)))
        route = self.choice(routes)
        return (
            *(Listed(routes[0], port, Fate.ESTABLISHED) for port in inside),
            *(Listed(route, port, self.choice(QUICK)) for port in outside),
        )

    def groups(
        self, routes: list[Route], capacity: int, *, may_map: bool, fresh: bool
    ) -> tuple[Group, ...]:
        """Fill the first route, and perhaps a few of the others."""
        found: Counter[tuple[Route, bool, Fate, bool]] = Counter()
        for index, route in enumerate(routes):
            if index and self.chance(0.7):
                continue
            left = self.choice((0, capacity, capacity, *(self.randint(0, capacity),) * 6))
            while left:
                fate = self.choice((*Fate, *(Fate.CLIENT_CLOSED,) * 6, Fate.ESTABLISHED))
                count = self.randint(1, min(left, 3) if fate in STUCK else left)
                mapped = may_map and self.chance(0.4)
                late = fresh and fate not in AT_SERVER and self.chance(0.4)
                found[route, mapped, fate, late] += count
                left -= 0 if fate in AT_SERVER and self.chance(0.9) else count
        # Those that leave nothing on our ports go first, while there are ports enough for them.
        return tuple(
            Group(*alike, count)
            for alike, count in sorted(found.items(), key=lambda item: item[0][2] not in AT_SERVER)
        )


class Outcome(NamedTuple):
    """What each source said before, what connect() did, and what each said then."""

    before: dict[Kind, int]
    verdict: Verdict
    after: dict[Kind, int]


class TooSlow(Exception):  # noqa: N818 - the machine's doing
    """Fresh TIME-WAITs ripened before the question was answered, or the first ones ended."""


def play(scenario: Scenario) -> Outcome:
    """Build what this kernel can have of it in this fresh namespace, ask, and judge."""
    if not private.has_sysctl(REUSE_DELAY):
        scenario = replace(scenario, reuse_delay_ms=PAUSE_MS)
    if not fates.lists_bound():  # nobody can tell of those, but listeners take ports as well
        listeners = tuple(one._replace(listens=True) for one in scenario.squatters)
        scenario = replace(scenario, squatters=listeners, late_squatters=0)
    began = time.monotonic()
    outcome: Outcome | AssertionError
    with ExitStack() as stack:
        try:
            outcome = _Play(scenario, stack).play()
        except AssertionError as unsettled:
            outcome = unsettled
    if (took := time.monotonic() - began) > LASTS_SECONDS:
        raise TooSlow(f"{took:.0f} s")
    if isinstance(outcome, AssertionError):
        raise outcome
    return outcome


class _Play:
    def __init__(self, scenario: Scenario, stack: ExitStack) -> None:
        self.scenario = scenario
        self.stack = stack
        self.away = scenario.place is Place.VETH
        self.expected: Counter[str] = Counter()
        self.optional: Counter[str] = Counter()
        self.servers: dict[int, Server] = {}
        self.used: list[int] = []
        """The local ports of the destination's connections."""

    def play(self) -> Outcome:
        scenario = self.scenario
        self.set_rules(0, scenario.reserved)
        namespace.sysctl("ipv4.tcp_tw_reuse", 0)  # nothing that is built is to be used up again
        self.make_servers()
        for squatter in scenario.squatters:
            self.squat(squatter)
        for squatter in scenario.squatters:
            self.visit(squatter)
        for route, port, fate in scenario.listed:
            self.connect(route, scenario.mapped, fate, port)
        for route, count in scenario.unanswered:
            self.send_syns(route, count)
        for group in scenario.groups:
            if not group.fresh:
                self.make(group)
        if scenario.pause_ms:
            fates.settle(self.expected, self.optional)
            time.sleep(scenario.pause_ms / 1000)
        began = time.monotonic()
        for group in scenario.groups:
            if group.fresh:
                self.make(group)
        self.squat_late()
        self.set_rules(scenario.moved, scenario.reserved + scenario.reserved_late)
        namespace.sysctl("ipv4.tcp_tw_reuse", scenario.reuse)
        if scenario.reuse_delay_ms != 1000:
            namespace.sysctl(REUSE_DELAY, scenario.reuse_delay_ms)
        fates.settle(self.expected, self.optional)
        whole_seconds = not private.has_sysctl(REUSE_DELAY)
        if whole_seconds and scenario.fresh:  # at the next one all of them have ripened
            fates.await_second()

        target = scenario.target
        to, source = self.written(target, scenario.mapped)
        before = self.ask()
        with fates.exhausted(to, target.port, source, silent=scenario.silent) as verdict:
            after = self.ask()
        took_ms = 1000 * (time.monotonic() - began)
        if scenario.fresh and not whole_seconds and took_ms > scenario.reuse_delay_ms - MARGIN_MS:
            raise TooSlow(f"{took_ms:.0f} ms")
        return Outcome(before, verdict, after)

    def ask(self) -> dict[Kind, int]:
        to, port, source = self.scenario.target
        local = source or private.source_of(to)
        return {kind: read_report(kind).connectable(local, to, port) for kind in KINDS}

    def set_rules(self, moved: int, reserved: tuple[range, ...]) -> None:
        low, size = self.scenario.low + moved, self.scenario.size
        namespace.sysctl("ipv4.ip_local_port_range", f"{low} {low + size - 1}")
        spans = ",".join(f"{span.start}-{span.stop - 1}" for span in reserved)
        namespace.sysctl("ipv4.ip_local_reserved_ports", spans)
        namespace.sysctl("ipv4.tcp_timestamps", self.scenario.timestamps)

    def make_servers(self) -> None:
        with ExitStack() as elsewhere:
            if self.away:
                elsewhere.enter_context(self.stack.enter_context(namespace.peer()).inside())
                namespace.sysctl("ipv4.tcp_timestamps", self.scenario.timestamps)
            for port in self.scenario.ports:
                self.servers[port] = self.stack.enter_context(Server("::", port, tiny=True))
        self.expected["LISTEN"] += 0 if self.away else len(self.servers)

    def squat(self, squatter: Squatter) -> None:
        make = sockets.listen if squatter.listens else sockets.bind
        for _ in range(1 + squatter.twice):
            made = make(
                squatter.ip, squatter.port, v6only=squatter.v6only, reuse_port=squatter.twice
            )
            self.stack.enter_context(made)
            self.expected["LISTEN"] += squatter.listens

    def visit(self, squatter: Squatter) -> None:
        to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(squatter.ip, squatter.ip)
        for _ in range(squatter.accepted):
            self.stack.enter_context(sockets.connect(to, squatter.port))
            self.expected["ESTABLISHED"] += 2

    def squat_late(self) -> None:
        for index, port in enumerate(self.used[: self.scenario.late_squatters]):
            self.squat(Squatter("127.0.0.77", port, bool(index % 2), False, False, 0))

    def make(self, group: Group) -> None:
        for _ in range(group.connections):
            self.connect(group.route, group.mapped, group.fate)

    def connect(self, route: Route, mapped: bool, fate: Fate, from_port: int = 0) -> None:
        to, source = self.written(route, mapped)
        if from_port and source is None:
            source = private.source_of(to)
        pair = self.servers[route.port].connect(to, source, from_port)
        if route == self.scenario.target:
            self.used.append(pair.client.getsockname()[1])
        fate.come_about(pair)
        if fate.client:
            self.expected[fate.client] += 1
        if fate.server and not self.away:
            # A TIME-WAIT at the server ends when a later connection comes from its port.
            kind = self.optional if fate is Fate.SERVER_CLOSED else self.expected
            kind[fate.server] += 1

    def send_syns(self, route: Route, count: int) -> None:
        private.silence(route.to)
        to, source = self.written(route, self.scenario.mapped)
        for _ in range(count):
            client = sockets.connect(to, route.port, source, silent=True)
            self.stack.enter_context(client)
            if route == self.scenario.target:
                self.used.append(client.getsockname()[1])
        self.expected["SYN_SENT"] += count

    @staticmethod
    def written(route: Route, mapped: bool) -> tuple[str, str | None]:
        if not mapped:
            return route.to, route.source
        return f"::ffff:{route.to}", route.source and f"::ffff:{route.source}"
