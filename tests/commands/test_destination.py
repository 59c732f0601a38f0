"""--dst, --dport and --src: an address as people write it, once in twtop's own spelling."""

from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import host
from tests.tables import waiting


def proc(root: Path) -> Path:
    """A host with TIME-WAITs to four destinations."""
    ends = [
        ("10.0.0.5", "10.0.0.9", 443),
        ("10.0.0.6", "10.0.0.9", 443),
        ("10.0.0.5", "10.0.0.9", 5432),
        ("2001:db8::5", "2001:db8::10", 443),
        ("::1", "::1", 443),
    ]
    many = [
        waiting(40_000 + port, local=local, remote=remote, remote_port=at)
        for number, (local, remote, at) in enumerate(ends, 1)
        for port in range(10 * number)
    ]
    return host(root, many, size=100)


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        ([], "::1 → [::1]:443"),
        (["--dst", "10.0.0.9"], "10.0.0.5 → 10.0.0.9:5432"),
        (["--dst", "10.0.0.9:443"], "10.0.0.6 → 10.0.0.9:443"),
        (["--dst", "10.0.0.9", "--dport", 443], "10.0.0.6 → 10.0.0.9:443"),
        (["--dst", "10.0.0.9:443", "--dport", 443], "10.0.0.6 → 10.0.0.9:443"),
        (["--dst", "10.0.0.9:443", "--src", "10.0.0.5"], "10.0.0.5 → 10.0.0.9:443"),
        (["--dst", "::ffff:10.0.0.9"], "10.0.0.5 → 10.0.0.9:5432"),
        (["--dst", "[::ffff:10.0.0.9]:443"], "10.0.0.6 → 10.0.0.9:443"),
        (["--dst", "2001:DB8:0:0::10"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--dst", "[2001:db8::10]:443"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--dst", "[2001:db8::10]"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--dst", "[2001:db8::10:443]"], "no outgoing connections"),
        (["--dst", "2001:db8:0:0:0:0:0:10"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--dst", "2001:db8::10%eth0"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--src", "2001:db8::5"], "2001:db8::5 → [2001:db8::10]:443"),
        (["--dport", 5432], "10.0.0.5 → 10.0.0.9:5432"),
        (["--dst", "10.0.0.9:80"], "no outgoing connections"),
        (["--dst", "10.9.9.9"], "no outgoing connections"),
    ],
)
def test_what_they_choose(run: Run, tmp_path: Path, arguments: list[object], chosen: str) -> None:
    assert f" - {chosen}" in run("check", "--proc", proc(tmp_path), *arguments).out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--dst", "localhost"], "localhost is not an IP address"),
        (["--dst", "10.0.0.9:"], "is not a port"),
        (["--dst", "10.0.0.9:0"], "is not a port"),
        (["--dst", "10.0.0.9:65536"], "is not a port"),
        (["--dst", "10.0.0.9:http"], "is not a port"),
        (["--dst", "10.0.0"], "is not an IP address"),
        (["--dst", "10.0.0.0/8"], "is not an IP address"),
        (["--dst", ""], "is not an IP address"),
        (["--dst", "2001:db8::10:99999"], "is not an IP address"),
        (
            ["--dst", "2001:db8::10:443"],
            "[2001:db8::10]:443 or, without a port, [2001:db8::10:443]",
        ),
        (["--dst", "2001:db8::10:443", "--dport", 443], "[2001:db8::10]:443"),
        (["--dst", "2001:db8::10:50000"], "write [2001:db8::10]:50000"),
        (["--dst", "::ffff:10.0.0.9:443"], "write [::ffff:10.0.0.9]:443"),
        (["--dst", "2001:db8:0:0:0:0:0:10:443"], "write [2001:db8:0:0:0:0:0:10]:443"),
        (["--dst", "fe80::10%eth0:443"], "write [fe80::10%eth0]:443"),
        (["--src", "2001:db8::5:443"], "[2001:db8::5:443]"),
        (["--dport", 0], "--dport"),
        (["--dst", "10.0.0.9:443", "--dport", 80], "says port 443, but --dport says 80"),
        (["--src", "10.0.0.5:4000"], "--src takes no port"),
        (["--src", "10.0.0.5", "--dst", "::1"], "one is IPv4, the other IPv6"),
    ],
)
def test_what_is_wrong_is_said(
    run: Run, tmp_path: Path, arguments: list[object], named: str
) -> None:
    ran = run("wait", "--drained", "--proc", proc(tmp_path), *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert named in ran.err
