from dataclasses import replace
from pathlib import Path

import pytest

from tui.kernel.namespaces import local_networks, neighbours_with
from tui.simulate import target
from tui.simulate.target import (
    Route,
    Target,
    TargetError,
    Whereabouts,
    check_source,
    find_target,
)

TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.255.255.255
              /32 link BROADCAST
     +-- 10.77.0.0/24 2 0 2
        |-- 10.77.0.0
           /24 link UNICAST
        |-- 10.77.0.2
           /32 host LOCAL
"""
INET6 = "fd000077000000000000000000000002 02 40 00 82      far\n"


def namespace(root: Path, name: str, trie: str = "", inet6: str = "") -> Path:
    place = root / name
    (place / "net").mkdir(parents=True)
    for file, text in (("dev", ""), ("fib_trie", trie), ("if_inet6", inet6), ("tcp", "")):
        (place / "net" / file).write_text(text)
    return place


def test_local_addresses(tmp_path: Path) -> None:
    place = namespace(tmp_path, "1", TRIE, INET6)
    assert {str(network) for network in local_networks(place)} == {
        "127.0.0.0/8",
        "10.77.0.2/32",
        "fd00:77::2/128",
    }
    assert local_networks(tmp_path / "gone") == set()


def test_neighbours(tmp_path: Path) -> None:
    namespace(tmp_path, "self")
    other = namespace(tmp_path, "12", TRIE, INET6)
    namespace(tmp_path, "13")
    (tmp_path / "version").write_text("")
    assert neighbours_with("10.77.0.2", tmp_path) == [other]
    assert neighbours_with("fd00:77::2%far", tmp_path) == [other]
    assert neighbours_with("10.77.0.1", tmp_path) == []


def test_a_namespace_counts_once_and_ones_own_does_not(tmp_path: Path) -> None:
    own = namespace(tmp_path, "self", TRIE)
    for name in ("12", "13"):
        (tmp_path / name).symlink_to(own)
    assert neighbours_with("10.77.0.2", tmp_path) == []


@pytest.mark.parametrize(
    ("name", "ip"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1.2.3", "127.1.2.3"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
    ],
)
def test_loopback_is_ours(name: str, ip: str) -> None:
    found = find_target(name, 80)
    assert (found.ip, found.place, found.ours) == (ip, Whereabouts.LOOPBACK, True)
    assert found.source == ("::1" if ip == "::1" else "127.0.0.1")


def route(monkeypatch: pytest.MonkeyPatch, kind: int | None, link: str | None) -> None:
    monkeypatch.setattr(target, "route_to", lambda ip: Route(kind, link, "10.1.2.9"))


def test_an_own_address_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    route(monkeypatch, target.RTN_LOCAL, None)
    seen = find_target("10.1.2.3", 80)
    assert (seen.place, seen.source) == (Whereabouts.HERE, "10.1.2.9")


@pytest.mark.parametrize(
    ("link", "found", "place"),
    [
        ("veth", True, Whereabouts.NEIGHBOUR),
        ("bridge", True, Whereabouts.NEIGHBOUR),
        ("veth", False, Whereabouts.ELSEWHERE),
        # The same address in a namespace here, but the way leads out of the machine.
        (None, True, Whereabouts.ELSEWHERE),
        ("wireguard", True, Whereabouts.ELSEWHERE),
    ],
)
def test_a_neighbour_is_ours_where_the_way_leads_there(
    monkeypatch: pytest.MonkeyPatch, link: str | None, found: bool, place: Whereabouts
) -> None:
    route(monkeypatch, 1, link)
    monkeypatch.setattr(target, "neighbours_with", lambda ip: [Path("/proc/7")] * found)
    seen = find_target("10.1.2.3", 80, owned=True)
    assert seen.place is place
    assert (seen.server_root == Path("/proc/7")) is (place is Whereabouts.NEIGHBOUR)


def test_which_of_several_neighbours_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    route(monkeypatch, 1, "veth")
    both = [Path("/proc/7"), Path("/proc/8")]
    monkeypatch.setattr(target, "neighbours_with", lambda ip: both)

    def listeners(root: Path, port: int) -> list[int]:
        return [0] if port == 80 or root == both[1] else []

    monkeypatch.setattr(target, "accept_queues", listeners)
    assert find_target("10.1.2.3", 80).server_root is None
    assert find_target("10.1.2.3", 81).server_root == both[1]


def test_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    route(monkeypatch, None, None)
    with pytest.raises(TargetError, match=r"^192\.0\.2\.1 is not .* --i-own-this-target$"):
        find_target("192.0.2.1", 80)


@pytest.mark.parametrize("name", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"])
def test_no_servers_address(name: str) -> None:
    with pytest.raises(TargetError, match="no server's address"):
        find_target(name, 80)


@pytest.mark.parametrize("name", ["nowhere.invalid", "a" * 300, ""])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(TargetError):
        find_target(name, 80)


def test_sources() -> None:
    loopback = Target("::1", "::1", 80)
    assert check_source("::1", loopback) == "::1"
    four = replace(loopback, ip="127.0.0.1")
    assert check_source("127.0.0.9", four) == "127.0.0.9"
    assert check_source("::ffff:127.0.0.9", four) == "127.0.0.9"
    for source, why in (("::1", "IP version"), ("x", "not an IP"), ("192.0.2.77", "this host")):
        with pytest.raises(TargetError, match=why):
            check_source(source, four)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("0.0.0.0", "leave out --source"),
        ("::", "leave out --source"),
        ("224.0.0.1", "an address of this host"),
        ("127.255.255.255", "an address of this host"),
        ("255.255.255.255", "an address of this host"),
    ],
)
def test_what_bind_takes_is_not_always_a_source(source: str, why: str) -> None:
    with pytest.raises(TargetError, match=why):
        check_source(source, Target("127.0.0.1", "127.0.0.1", 80))
