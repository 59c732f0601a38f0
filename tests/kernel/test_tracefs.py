"""Lines and layouts of tracefs, as other kernels and hostile programs have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.kernel.tracefs import CONNECT, Field, Sample, read_layout, sample_of, threads_process

SOCK = (
    "{name}-{pid}   [001] .....  7212.513: inet_sock_set_state: family=AF_INET protocol="
    "IPPROTO_TCP sport=0 dport=5001 saddr={v4} daddr={v4} saddrv6={v6} daddrv6={v6} "
    "oldstate=TCP_SYN_SENT newstate=TCP_CLOSE"
)


@pytest.mark.parametrize(
    "name", ["curl", "a-1 [0] b: ", "x: sys_bind -> ", "inet_sock_set_s", " (9) [001] ", "ü-"]
)
def test_a_program_may_be_called_anything(name: str) -> None:
    """Whoever names a process may not choose what is told of another's."""
    line = SOCK.format(name=name, pid=4711, v4="10.0.0.9", v6="::ffff:10.0.0.9")
    expected = Sample("connect", 4711, "10.0.0.9", "10.0.0.9", 5001)
    assert sample_of(line, int) == expected
    assert sample_of(f"{name}-4711 [000] ..... 7212.5: sys_bind -> 0xffffffffffffff9e", int) == (
        Sample("bind", 4711)
    )


def test_an_ipv6_destination_has_its_own_addresses() -> None:
    line = SOCK.format(name="curl", pid=1, v4="0.0.0.0", v6="2001:db8::9")
    assert sample_of(line, int) == Sample("connect", 1, "2001:db8::9", "2001:db8::9", 5001)


@pytest.mark.parametrize("line", ["", "CPU:1 [LOST 12 EVENTS]", "second half of a name"])
def test_what_is_no_refusal(line: str) -> None:
    assert sample_of(line, int) is None


def test_the_process_of_a_thread_that_has_ended() -> None:
    assert threads_process("4194305") == 4_194_305


def test_fields_lie_where_the_kernel_says(tmp_path: Path) -> None:
    directory = tmp_path / "events" / CONNECT.name
    directory.mkdir(parents=True)
    (directory / "id").write_text("77\n")
    (directory / "format").write_text(
        "name: inet_sock_set_state\nformat:\n"
        "\tfield:__u16 dport;\toffset:30;\tsize:2;\tsigned:0;\n"
        "\tfield:__u8 daddr_v6[16];\toffset:64;\tsize:16;\tsigned:0;\n"
    )
    layout = read_layout(tmp_path, CONNECT)
    assert layout.id == 77
    assert layout.fields == {"dport": Field(30, 2), "daddr_v6": Field(64, 16)}
