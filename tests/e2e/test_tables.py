"""Tables that are garbled, empty, missing or unreadable: what it shows, and how it ends."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal

FIXTURES = ROOT / "tests/fixtures"
IDLE = FIXTURES / "6.18-idle-host/proc"
UNREADABLE = 3


@pytest.fixture
def proc() -> Iterator[Path]:
    """A procfs of its own to spoil, under a name that leaves room on a line."""
    with TemporaryDirectory() as directory:
        yield Path(shutil.copytree(IDLE, Path(directory) / "proc"))


def _run(proc: Path, columns: int = 160, rows: int = 40, user: int | None = None) -> Terminal:
    argv = (*TWTOP, "-i", "0.2", "--proc", str(proc))
    return Terminal(argv, columns=columns, rows=rows, user=user)


def _header_only(proc: Path) -> None:
    for name in ("tcp", "tcp6"):
        file = proc / "net" / name
        file.write_text(file.read_text().splitlines()[0] + "\n")


def _empty(proc: Path) -> None:
    for name in ("tcp", "tcp6"):
        (proc / "net" / name).write_text("")


def _missing(proc: Path) -> None:
    (proc / "net/tcp").unlink()


def _a_directory(proc: Path) -> None:
    _missing(proc)
    (proc / "net/tcp").mkdir()


def _appear(proc: Path, table: str) -> None:
    """Be there whole, for a poll may come at any moment."""
    written = proc / "net/written"
    written.write_text(table)
    written.rename(proc / "net/tcp")


def test_what_is_readable_of_garbled_tables_is_shown() -> None:
    with _run(FIXTURES / "garbled/proc") as terminal:
        terminal.wait_for(
            "Patterns · ",
            lambda _: "21 lines unreadable" in terminal.line(0),
            "TCP states · 16 sockets",
        )
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_table_without_sockets_is_said_to_be_one(proc: Path) -> None:
    _header_only(proc)
    (proc / "net/sockstat").unlink(missing_ok=True)  # which has counted some
    with _run(proc) as terminal:
        terminal.wait_for("no TIME-WAIT here", "no connections here")
        assert "incomplete" not in terminal.text
        terminal.press("\r")  # there is nothing to open
        terminal.press("q")
        assert terminal.wait() == 0


def test_an_empty_file_is_no_table_without_sockets(proc: Path) -> None:
    _empty(proc)
    with _run(proc) as terminal:
        terminal.wait_for("incomplete read: counts are minimums")
        terminal.press("q")
        assert terminal.wait() == 0


@pytest.mark.parametrize(
    ("spoil", "reason", "cure"),
    [
        (_missing, "No such file or directory", "--proc names its directory"),
        (_a_directory, "Is a directory", "name another procfs with --proc"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_cure(
    proc: Path, spoil: Callable[[Path], None], reason: str, cure: str
) -> None:
    spoil(proc)
    _assert_unreadable(proc, reason, cure)


def test_a_table_that_this_user_may_not_read(proc: Path, nobody: int) -> None:
    proc.parent.chmod(0o755)
    (proc / "net/tcp").chmod(0)
    _assert_unreadable(proc, "Permission denied", "run as a user who can read it", nobody)


def _assert_unreadable(proc: Path, reason: str, cure: str, user: int | None = None) -> None:
    with _run(proc, user=user) as terminal:
        terminal.wait_for("cannot read", f"{proc}/net/tcp: {reason}", cure)
        terminal.press("q")
        assert terminal.wait() == UNREADABLE
        terminal.assert_clean()
        assert terminal.line(0).startswith(f"twtop: {proc}/net/tcp: {reason}: ")
        assert cure in terminal.line(0)
        assert not terminal.line(1).strip()


def test_the_cure_is_seen_on_80_by_24_too(proc: Path) -> None:
    _missing(proc)
    with _run(proc, 80, 24) as terminal:
        terminal.wait_for(
            "cannot read",
            lambda text: "--proc names its directory" in " ".join(text.replace("│", " ").split()),
        )


def test_a_table_that_goes_and_comes_back(proc: Path) -> None:
    table = (proc / "net/tcp").read_text()
    with _run(proc) as terminal:
        terminal.wait_for("○ COPY", "TCP states · 10 sockets")
        _missing(proc)
        terminal.wait_for(lambda _: "No such file" in terminal.line(0), "TCP states · 10 sockets")
        _appear(proc, table)
        terminal.wait_for(lambda _: "No such file" not in terminal.line(0))
        terminal.press("q")
        assert terminal.wait() == 0


def test_the_one_that_appears_after_the_start_is_shown(proc: Path) -> None:
    table = (proc / "net/tcp").read_text()
    _missing(proc)
    with _run(proc) as terminal:
        terminal.wait_for("cannot read")
        _appear(proc, table)
        terminal.wait_for("TCP states · 10 sockets", lambda text: "cannot read" not in text)
        terminal.press("q")
        assert terminal.wait() == 0
