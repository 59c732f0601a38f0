"""`check` and `wait` beside a range of ports that really fills and drains."""

import errno
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from tests.live.fates import Fate, Server, exhausted, states
from tests.patience import limit, start_seconds
from tests.private import Lab
from tests.sockets import connect
from tui.lab.namespace import sysctl

pytestmark = pytest.mark.live

LOW, SIZE = 40_000, 500
HERE, PORT = "127.0.0.1", 5001
TUPLE = f"{HERE} → {HERE}:{PORT}"


class Ended(NamedTuple):
    """What a command returned and wrote, as it passes from one process to another."""

    code: int
    out: str
    err: str


class Step(NamedTuple):
    """One moment of the range: what was held, what twtop said, and what connect() did."""

    ports: int
    said: Ended
    error: int | None

    @property
    def connectable(self) -> int:
        """The perfdata's figure."""
        found = re.search(r" connectable=(\d+);", self.said.out)
        assert found, self.said
        return int(found[1])


def twtop(*arguments: str) -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=limit(),
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def serving() -> Iterator[Server]:
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with Server(HERE, PORT) as server:
        yield server


def fill(server: Server, ports: int) -> None:
    """Let so many ports more end in TIME-WAIT."""
    for _ in range(ports):
        Fate.CLIENT_CLOSED.come_about(server.connect(HERE))


def drain(*which: str) -> bool:
    """End the TIME-WAITs, which takes them a minute by themselves; says whether that is possible.

    SOCK_DESTROY needs CONFIG_INET_DIAG_DESTROY and iproute2.
    """
    before = states()["TIME_WAIT"]
    try:
        subprocess.run(
            ["ss", "-K", "state", "time-wait", *which],
            capture_output=True,
            check=False,
            timeout=limit(),
        )
    except FileNotFoundError:
        return False
    return states()["TIME_WAIT"] < before


def attempt() -> int | None:
    """The errno of a connect() now; its socket leaves no trace."""
    try:
        client = connect(HERE, PORT)
    except OSError as error:
        return error.errno
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    return None


def checked(server: Server) -> Step:
    held = states()["TIME_WAIT"]
    said = twtop("check", "--dst", f"{HERE}:{PORT}")
    error = attempt()
    if error is None:
        server.listener.accept()[0].close()
    return Step(held, said, error)


def filled_step_by_step() -> tuple[list[Step], Step | None]:
    steps = []
    with serving() as server:
        steps.append(checked(server))
        for ports in (249, 1, 149, 1, 99, 1):
            fill(server, ports)
            steps.append(checked(server))
        emptied = checked(server) if drain() else None
    return steps, emptied


def test_check_follows_a_range_from_empty_to_exhausted_and_back(lab: Lab) -> None:
    steps, emptied = lab.call(filled_step_by_step)
    assert [(step.ports, step.said.code) for step in steps] == [
        (0, 0),
        (249, 0),
        (250, 1),
        (399, 1),
        (400, 2),
        (499, 2),
        (500, 2),
    ]
    for step in steps:
        assert step.said.err == ""
        assert step.connectable == SIZE - step.ports
        # It says "EXHAUSTED" when, and only when, connect() finds no port.
        assert step.error == (errno.EADDRNOTAVAIL if step.ports == SIZE else None)
        assert ("EXHAUSTED" in step.said.out) == (step.error is not None)
        assert f" - {TUPLE} uses " in step.said.out or step.ports == 0
    if emptied is None:
        pytest.skip("this kernel, or ss, cannot end a TIME-WAIT")
    assert (emptied.ports, emptied.said.code, emptied.error) == (0, 0, None)
    assert "no outgoing connections" in emptied.said.out


class Waited(NamedTuple):
    """How `twtop wait` went while a full range drained."""

    given_up: Ended
    seconds: float | None
    """Until it is drained, by the timers."""
    early: int | None
    """Its exit code before anything was drained; None as it still waits."""
    below: Ended
    still: int | None
    drained: Ended
    elsewhere: Ended
    connected: int
    """How many connect() calls succeeded afterwards."""


def waited_for() -> Waited | None:
    from tui.api import snapshot
    from tui.commands.wait import measure
    from tui.planning.demand import outgoing

    with serving() as server:
        fill(server, SIZE)
        given_up = twtop("wait", "--below", "50", "--timeout", "0.3", "-i", "0.1")
        elsewhere = twtop("wait", "--drained", "--dst", "127.0.0.2", "--timeout", "0")
        frame = snapshot()
        progress = measure(frame, outgoing(frame, HERE, HERE, PORT), None)
        argv = [sys.executable, "-m", "tui", "wait", "-i", "0.1", "--timeout", str(limit())]
        waiting = [
            subprocess.Popen(
                [*argv, *goal], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for goal in (["--below", "50"], ["--drained"])
        ]
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting[0].wait(2 * start_seconds())
            early = waiting[1].poll()
            if not drain(f"sport > :{LOW + 199}"):
                return None
            below = Ended(waiting[0].wait(limit()), *waiting[0].communicate())
            still = waiting[1].poll()
            drain()
            drained = Ended(waiting[1].wait(limit()), *waiting[1].communicate())
        finally:
            for process in waiting:
                process.kill()
        with exhausted(HERE, PORT) as (connected, _):
            return Waited(
                given_up,
                progress.seconds,
                early,
                below,
                still,
                drained,
                elsewhere,
                connected,
            )


def test_wait_returns_when_the_ports_are_back(lab: Lab) -> None:
    waited = lab.call(waited_for)
    if waited is None:
        pytest.skip("this kernel, or ss, cannot end a TIME-WAIT")
    assert waited.given_up == (
        1,
        "",
        f"twtop: not below 50 % after 0 s: 100.0% of {SIZE} ports of {TUPLE}\n",
    )
    assert waited.elsewhere.code == 0
    assert waited.seconds is not None
    assert 0 < waited.seconds <= 60
    assert (waited.early, waited.still) == (None, None)
    assert waited.below.code == waited.drained.code == 0
    assert waited.below.err == waited.drained.err == ""
    # They end one after another, so a look may come before the last of them.
    below = re.fullmatch(
        rf"below 50 % after \d+ s: ([\d.]+)% of {SIZE} ports of {TUPLE}\n", waited.below.out
    )
    assert below is not None
    assert 40 <= float(below[1]) < 50
    assert re.fullmatch(r"drained after \d+ s: 0 TIME-WAIT\n", waited.drained.out)
    assert waited.connected == SIZE


def every_command() -> dict[str, Ended]:
    with serving() as server:
        fill(server, 30)
        server.connect(HERE)
        said = {
            name: twtop(name, "--json")
            for name in ("states", "listen", "established", "per-port", "timewait", "patterns")
        }
        said["report"] = twtop("report", "-d", "--json", "--source", "sock_diag")
        said["watch"] = twtop("watch", "-n", "1")
        with TemporaryDirectory() as folder:
            said["bundle"] = twtop("bundle", f"{folder}/ticket.tgz")
    return said


def test_every_command_sees_the_namespace_it_runs_in(lab: Lab) -> None:
    ran = lab.call(every_command)
    assert {name: (ended.code, ended.err) for name, ended in ran.items()} == dict.fromkeys(
        ran, (0, "")
    )
    said = {name: json.loads(ended.out) for name, ended in ran.items() if name != "bundle"}
    assert ran["bundle"].out.startswith("33 sockets, ")
    states = {"TIME_WAIT": 30, "ESTABLISHED": 2, "LISTEN": 1}
    for name in ("states", "report", "watch"):
        counts = {state: count for state, count in said[name]["states"].items() if count}
        assert counts == states
    (listener,) = said["listen"]["listeners"]
    assert (listener["local_ip"], listener["port"]) == (HERE, PORT)
    assert "python" in listener["process"]
    assert len(said["established"]["sockets"]) == 2
    assert len(said["report"]["sockets"]) == 32
    assert {(one["port"], one["direction"]) for one in said["per-port"]["ports"]} == {
        (PORT, "outgoing"),
        (PORT, "incoming"),
    }
    assert said["timewait"]["time_wait"]["count"] == 30
    first = said["patterns"]["patterns"][0]
    assert (first["direction"], first["in_use"], first["capacity"]) == ("outgoing", 31, SIZE)
    assert "python" in first["process"]
    assert said["watch"]["patterns"][0]["process"] == first["process"]
