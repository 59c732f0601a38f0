"""Just the sockets that were listed end, and connect() has their ports at once."""

import errno
import json
import socket
import struct
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.acting.scene import (
    HERE,
    LOW,
    PORT,
    SIZE,
    TARGETS,
    connects,
    fill,
    lose_net_admin,
    serving,
    serving_at,
    sockets,
    twtop,
)
from tests.forked import Ended
from tests.live.fates import Fate, Server
from tests.patience import start_seconds
from tests.private import Lab
from tui.kernel import destroy
from tui.kernel.destroy import IDENTITY_WORDS, DestroyError, Identities
from tui.kernel.sock_diag import NLMSG_ERROR, NLMSG_HEADER

pytestmark = pytest.mark.live

DST = f"{HERE}:{PORT}"
EVERY_AGE = "--older-than=0s"


class Freed(NamedTuple):
    told: dict[str, Any]
    before: set[str]
    after: set[str]
    connected: tuple[bool, bool]


def freed(ip: str) -> Freed:
    """A full tuple freed beside TIME-WAITs, connections and listeners of others."""
    plain = ip.removeprefix("::ffff:")
    dst = f"[{plain}]:{PORT + 1}" if ":" in plain else f"{plain}:{PORT + 1}"
    with serving_at(ip) as server, Server("::", PORT + 2) as other:
        fill(other, HERE, 20)
        other.connect("::1")
        server.connect(ip)
        fill(server, ip, SIZE - 1)
        full = connects(ip, PORT + 1)
        before = sockets()
        told = json.loads(twtop("free", "--dst", dst, EVERY_AGE, "--yes", "--json").out)
        after = sockets()
        return Freed(told, before, after, (full, connects(ip, PORT + 1)))


@pytest.mark.parametrize("ip", TARGETS.values(), ids=TARGETS)
def test_a_full_tuple_is_freed_and_nothing_else_is_touched(lab: Lab, ip: str) -> None:
    seen = lab.call(freed, ip)
    assert seen.told["matched"] == seen.told["freed"] == SIZE - 1
    assert (seen.told["connectable_before"], seen.told["connectable_after"]) == (0, SIZE - 1)
    assert seen.connected == (False, True)
    assert seen.after <= seen.before
    gone = [line.split() for line in seen.before - seen.after]
    port = f":{PORT + 1:04X}"
    assert len(gone) == SIZE - 1
    assert all(words[1].endswith(port) and words[2] == "06" for words in gone)


def by_age() -> list[tuple[int, int]]:
    """How many end, and how many are left, by what is asked for."""
    from tui.acting.freeing import Choice, find, free
    from tui.kernel.places import place_at

    seen = []
    place = place_at(Path("/proc"))
    with serving() as server:
        fill(server, HERE, 40)
        first = time.monotonic()
        time.sleep(3 * start_seconds())
        second = time.monotonic()
        fill(server, HERE, 60)
        for most in (15, None):
            between = time.monotonic() - (first + second) / 2
            choice = Choice(None, HERE, PORT, older_than_ms=round(1000 * between), most=most)
            seen.append((free(place, find(place, choice)).freed, len(sockets())))
        for options in (
            ("--older-than=10m",),
            (EVERY_AGE, "sport", f"{LOW}-{LOW + SIZE}", "and", "not", "sport", "1-39999"),
        ):
            told = twtop("free", "--dst", DST, "--yes", "--json", *options)
            seen.append((json.loads(told.out)["freed"], len(sockets())))
    return seen


def test_none_younger_than_chosen_ends(lab: Lab) -> None:
    listener = 1
    assert lab.call(by_age) == [
        (15, 85 + listener),
        (25, 60 + listener),
        (0, 60 + listener),
        (60, listener),
    ]


def replaced() -> tuple[int, int, int]:
    """One of three listed TIME-WAITs gives way to another of the same tuple."""
    from tui.acting.freeing import Choice, find, free
    from tui.kernel.places import place_at

    with serving() as server:
        fill(server, HERE, 2)
        Fate.CLIENT_CLOSED.come_about(server.connect(HERE, HERE, LOW + 200))
        place = place_at(Path("/proc"))
        choice = Choice(None, HERE, PORT, older_than_ms=0)
        listing = find(place, choice)
        one = listing.sockets[listing.sockets.local_port == LOW + 200]
        destroy.destroy(one)
        Fate.CLIENT_CLOSED.come_about(server.connect(HERE, HERE, LOW + 200))
        came = free(place, listing)
        return len(listing.sockets), came.freed, came.gone


def test_what_took_the_place_of_a_listed_one_stays(lab: Lab) -> None:
    assert lab.call(replaced) == (3, 2, 1)


def killed() -> tuple[Ended, Ended, Ended, Ended, int | None]:
    with serving() as server:
        pair = server.connect(HERE)
        call = ("free", "--dst", DST, "--state", "established", "--json")
        default = twtop("free", "--dst", DST, EVERY_AGE, "--yes", "--json")
        dry = twtop(*call, "--dry-run")
        once = twtop(*call, "--yes")
        twice = twtop(*call, "-yy")
        return default, dry, once, twice, pair.client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_a_connection_is_killed_only_where_it_is_named_and_confirmed_twice(lab: Lab) -> None:
    default, dry, once, twice, error = lab.call(killed)
    assert (default.code, json.loads(default.out)["matched"]) == (1, 0)
    assert (dry.code, json.loads(dry.out)["freed"]) == (0, 0)
    assert (once.code, once.out) == (2, "")
    assert (twice.code, json.loads(twice.out)["freed"]) == (0, 1)
    assert error == errno.ECONNABORTED


def refused() -> tuple[set[str], list[Ended], set[str]]:
    with serving() as server:
        fill(server, HERE, 30)
        before = sockets()
        call = ("free", "--dst", DST, EVERY_AGE)
        ended = [
            twtop(*call, "--dry-run"),
            twtop(*call),
            twtop(*call, "--yes", before=lose_net_admin),
            twtop("free", "--dst", f"{HERE}:{PORT + 9}", "--yes"),
            twtop("free", "--yes"),
            twtop(*call, "--yes", "--state", "listen"),
            twtop("--proc", "/nowhere", *call, "--yes"),
        ]
        return before, ended, sockets()


def test_without_a_yes_a_right_or_a_match_nothing_is_done(lab: Lab) -> None:
    before, ended, after = lab.call(refused)
    assert [one.code for one in ended] == [0, 2, 3, 1, 2, 2, 2]
    assert before == after
    assert "CAP_NET_ADMIN" in ended[2].err
    assert [one.err.count("\n") for one in ended[2:]] == [ended[2].err.count("\n"), 1, 1, 1, 1]


def one() -> Identities:
    column = np.ones(1, np.uint8)
    return Identities(np.zeros((1, IDENTITY_WORDS), np.uint32), column, column, column, column)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EOPNOTSUPP, "CONFIG_INET_DIAG_DESTROY"),
        (errno.EPERM, "CAP_NET_ADMIN"),
        (errno.EINVAL, "Invalid argument"),
    ],
)
def test_a_kernel_that_refuses_is_one_line(
    code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = NLMSG_HEADER.pack(36, NLMSG_ERROR, 0, 0, 0) + struct.pack("=i16x", -code)
    fake = SimpleNamespace(
        setsockopt=lambda *_: None,
        sendto=lambda *_: None,
        recv=lambda _: answer,
        close=lambda: None,
    )
    monkeypatch.setattr("tui.kernel.destroy.socket.socket", lambda *_: fake)
    with pytest.raises(DestroyError, match=said) as error:
        destroy.destroy(one())
    assert "\n" not in str(error.value)
