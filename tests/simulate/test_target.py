from dataclasses import replace
from pathlib import Path

import pytest

from tui.kernel.namespaces import other_namespaces, own_addresses
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
        /0 host LOCAL
     |-- 10.9.0.0
        /16 host LOCAL
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


def test_a_local_route_to_many_makes_no_address(tmp_path: Path) -> None:
    place = namespace(tmp_path, "1", TRIE, INET6)
    assert own_addresses(place) == {"10.77.0.2", "fd00:77::2"}
    assert own_addresses(tmp_path / "gone") == set()


def test_other_namespaces(tmp_path: Path) -> None:
    own = namespace(tmp_path, "self")
    (tmp_path / "11").symlink_to(own)
    other = namespace(tmp_path, "12")
    (tmp_path / "13").symlink_to(other)
    (tmp_path / "version").write_text("")
    (only,) = other_namespaces(tmp_path)
    assert only.resolve() == other


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


def route(monkeypatch: pytest.MonkeyPatch, kind: int | None, link: int | None = None) -> None:
    monkeypatch.setattr(target, "route_to", lambda ip: Route(kind, link, "10.1.2.9"))


@pytest.mark.parametrize(
    ("own", "place"), [(True, Whereabouts.HERE), (False, Whereabouts.ELSEWHERE)]
)
def test_an_own_address_is_ours(
    monkeypatch: pytest.MonkeyPatch, own: bool, place: Whereabouts
) -> None:
    route(monkeypatch, target.RTN_LOCAL)
    mine = frozenset({"10.1.2.3"} if own else ())
    monkeypatch.setattr(target, "own_addresses", lambda root: mine)
    seen = find_target("10.1.2.3", 80, owned=True)
    assert (seen.place, seen.source) == (place, "10.1.2.9")


def test_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    route(monkeypatch, None)
    with pytest.raises(TargetError, match=r"^192\.0\.2\.1 is not .* --i-own-this-target$"):
        find_target("192.0.2.1", 80)


@pytest.mark.parametrize(
    "name",
    [
        *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "127.255.255.255"),
        *("::ffff:0.0.0.0", "::ffff:224.0.0.1", "::ffff:255.255.255.255"),
    ],
)
def test_no_servers_address(name: str) -> None:
    with pytest.raises(TargetError, match="a server's address"):
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
        ("0.0.0.0", "leave out --source-ip"),
        ("::", "leave out --source-ip"),
        ("224.0.0.1", "an address of this host"),
        ("127.255.255.255", "an address of this host"),
        ("255.255.255.255", "an address of this host"),
    ],
)
def test_what_bind_takes_is_not_always_a_source(source: str, why: str) -> None:
    with pytest.raises(TargetError, match=why):
        check_source(source, Target("127.0.0.1", "127.0.0.1", 80))
