"""Reading the tables for a command: the source that it opens, and what it tells meanwhile."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tests.kernel.wire import header, line, write_proc
from tests.tables import Clock, Sock
from tui.commands import reading
from tui.commands.options import Settings
from tui.kernel import lines, procfs
from tui.kernel.source import SourceChoice

LINES = 900_000


def settings(root: Path, source: SourceChoice = "auto") -> Settings:
    return Settings(source=source, proc=root)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(reading, "time", made)
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> list[str]:
    """What is written to a terminal while a copy of many pieces is read, each in 0.6 s."""
    seen: list[str] = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "echo", lambda text, **_: seen.append(text))
    monkeypatch.setattr(procfs, "PIECE", 1 << 16)
    parse: Callable[..., object] = lines.parse

    def slow(*arguments: object) -> object:
        clock.now += 0.6
        return parse(*arguments)

    monkeypatch.setattr(procfs, "parse", slow)
    return seen


def copy(root: Path, sockets: int) -> Path:
    return write_proc(root, [Sock(local_port=port, inode=port) for port in range(sockets)])


def test_a_terminal_is_told_how_far_a_long_read_is(tmp_path: Path, told: list[str]) -> None:
    reading.open_source(settings(copy(tmp_path, 3_000)), one_shot=True).read()
    assert len(told) > 3
    assert all(text.startswith("\r\x1b[Ktwtop: ") and "% read" in text for text in told[:-1])
    assert told[-1] == "\r\x1b[K"


def test_a_short_one_is_not_told_of(tmp_path: Path, told: list[str]) -> None:
    reading.open_source(settings(copy(tmp_path, 3)), one_shot=True).read()
    assert told == []


def test_a_dashboard_has_the_terminal_to_itself(tmp_path: Path, told: list[str]) -> None:
    reading.open_source(settings(copy(tmp_path, 3_000))).read()
    assert told == []


def test_sock_diag_does_not_speak_of_a_copy(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="leave out one of --source and --proc"):
        reading.open_source(settings(tmp_path, "sock_diag"))


def test_a_copy_of_very_many_sockets_is_read_whole(tmp_path: Path) -> None:
    """However short the interval is."""
    root = write_proc(tmp_path, [])
    one = line(1, Sock(inode=7))
    ends = [b"0500000A:%04X 0900000A:%04X" % divmod(number, 1 << 16) for number in range(LINES)]
    before, behind = one.split(b"0500000A:9C40 0900000A:01BB")
    (root / "net/tcp").write_bytes(header(1) + b"".join(before + end + behind for end in ends))
    table = reading.open_source(settings(root)).read().table
    assert (len(table), table.complete, table.bad_lines) == (LINES, True, 0)
