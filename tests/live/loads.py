"""Random loads, by one thread, while another reads the tables: do twtop and the kernel agree?"""

from __future__ import annotations

import errno
import random
import socket
import struct
import threading
import time
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from tests.live.watched import Watched, tallies
from tests.private import has_sysctl
from tests.sockets import listen, tcp
from tui.findings.finding import Finding
from tui.lab.namespace import sysctl

HERE = "127.0.0.1"
LOW, FIRST_PORT = 20_000, 5_001
INTERVAL_SECONDS = 0.25
"""Between two tables: a compressed second."""
EACH = 24
"""Intervals that a load lasts, before other ports and another load are chosen."""
ODD = ("refused-with-ports-free", "exhausted-yet-served")


@dataclass(frozen=True)
class Load:
    """Clients of several destinations that share a range of ports."""

    ports: int
    destinations: int
    rate: float
    """Connections that are tried per second."""
    most_open: int
    """Connections that stay open; the oldest is closed for the next."""
    resets: float
    """Share of those that end without a TIME-WAIT."""
    served_closes: float
    """Share of those that the server closes first."""
    reserved: int
    reuse: bool


class Result(NamedTuple):
    """What came of the loads, in intervals."""

    agreed: float
    at_odds: float
    left_out: float
    refused: int
    odd: tuple[Finding, ...]
    loads: tuple[Load, ...]
    """Those in which the two were at odds."""


def any_load(dice: random.Random) -> Load:
    ports = dice.choice((10, 40, 150, 600))
    return Load(
        ports=ports,
        destinations=dice.randint(1, 3),
        rate=ports * dice.choice((0.3, 1, 3, 20)),
        most_open=dice.choice((0, ports // 4, ports // 2, ports, 2 * ports)),
        resets=dice.choice((0, 0, 0.5, 0.95, 1)),
        served_closes=dice.choice((0, 0, 0.3)),
        reserved=dice.choice((0, 0, ports // 5)),
        reuse=dice.random() < 0.3,
    )


def play(load: Load, first_port: int, stop: threading.Event, dice: random.Random) -> None:
    """Connect and close until it is told to stop."""
    with ExitStack() as held:
        servers = [
            held.enter_context(listen(HERE, first_port + number))
            for number in range(load.destinations)
        ]
        opened: deque[tuple[socket.socket, socket.socket]] = deque()
        due = time.monotonic()
        while not stop.is_set():
            due = max(due + 1 / load.rate, time.monotonic() - 0.05)
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            server = dice.choice(servers)
            client = tcp(HERE)
            error = client.connect_ex(server.getsockname())
            if error:
                assert error == errno.EADDRNOTAVAIL
                client.close()
                if opened and dice.random() < 0.5:
                    end(*opened.popleft(), load, dice)
                continue
            opened.append((client, server.accept()[0]))
            while len(opened) > load.most_open:
                end(*opened.popleft(), load, dice)
        for pair in opened:
            end(*pair, load, dice)


def end(client: socket.socket, accepted: socket.socket, load: Load, dice: random.Random) -> None:
    """Close a connection in one of the ways there are."""
    if dice.random() < load.resets:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        accepted.close()
        return
    first, second = (client, accepted)
    if dice.random() < load.served_closes:
        first, second = second, first
    first.close()
    with suppress(OSError):
        second.recv(1)
    second.close()


def run_loads(seed: int, intervals: int) -> Result:
    """Play random loads one after the other for so many intervals."""
    dice = random.Random(seed)
    sysctl("ipv4.tcp_rfc1337", 1)
    if has_sysctl("ipv4.tcp_tw_reuse_delay"):
        sysctl("ipv4.tcp_tw_reuse_delay", 300)
    results = []
    for number in range(-(-intervals // EACH)):
        load = any_load(dice)
        low = LOW + 700 * number % 40_000  # where no port waits from the load before
        sysctl("ipv4.ip_local_port_range", f"{low} {low + load.ports - 1}")
        reserved = f"{low}-{low + load.reserved - 1}" if load.reserved else ""
        sysctl("ipv4.ip_local_reserved_ports", reserved)
        sysctl("ipv4.tcp_tw_reuse", int(load.reuse))
        port = FIRST_PORT + 3 * number % 900
        results.append(_watch(load, port, random.Random(f"{seed} {number}")))
    return Result(
        agreed=sum(each.agreed for each in results),
        at_odds=sum(each.at_odds for each in results),
        left_out=sum(each.left_out for each in results),
        refused=sum(each.refused for each in results),
        odd=tuple(chain.from_iterable(each.odd for each in results)),
        loads=tuple(chain.from_iterable(each.loads for each in results)),
    )


def _watch(load: Load, port: int, dice: random.Random) -> Result:
    stop = threading.Event()
    thread = threading.Thread(target=play, args=(load, port, stop, dice))
    odd: dict[str, Finding] = {}
    with Watched() as watched:
        thread.start()
        for _ in range(EACH):
            view = watched.look(INTERVAL_SECONDS)
            found = (case.finding for case in view.cases.present)
            odd |= {each.code: each for each in found if each.code in ODD}
        stop.set()
        thread.join()
    agreed = tallies(view).agreed.values()
    at_odds = sum(each.at_odds for each in agreed)
    return Result(
        agreed=sum(each.seconds for each in agreed),
        at_odds=at_odds,
        left_out=sum(each.left_out for each in agreed),
        refused=tallies(view).total,
        odd=tuple(odd.values()),
        loads=(load,) if at_odds or odd else (),
    )
