"""The dashboard's export and the commands' --csv are one: the same columns, the same cells."""

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.commands.conftest import Run, run
from tests.dashboard.scene import DATABASE, busy, stage
from tui.analysis.frame import Frame
from tui.commands import reading
from tui.commands.reading import Look
from tui.kernel.processes import Owners, Process

__all__ = ["run"]  # a fixture

OWNERS = Owners({33700 + n: Process(4711, "pgbouncer") for n in range(12)})


@pytest.fixture
def frame(monkeypatch: pytest.MonkeyPatch) -> Frame:
    """The frame that both look at, and OWNERS their owners."""
    made = busy()
    monkeypatch.setattr(reading, "read_look", lambda settings: Look(made, lambda: OWNERS))
    return made


async def exported(frame: Frame, path: Path, *keys: str) -> str:
    """The CSV that is exported after these keys."""
    async with stage(frame, owners=OWNERS) as on:
        await on.press(*keys, "e")
        on.app.screen.query_one(Input).value = str(path)
        await on.press("enter")
        await on.app.workers.wait_for_complete()
    return path.read_text(encoding="utf-8")


async def test_patterns(frame: Frame, run: Run, tmp_path: Path) -> None:
    printed = run("patterns", "--csv").out
    assert len(printed.splitlines()) == len(frame.patterns) + 1 > 3
    assert await exported(frame, tmp_path / "patterns.csv") == printed


async def test_sockets(frame: Frame, run: Run, tmp_path: Path) -> None:
    ip, port = DATABASE.split(":")
    printed = run("established", "--csv", "dst", ip, "and", "dport", port).out
    assert len(printed.splitlines()) == 1 + len(OWNERS.by_inode)
    head, *lines = (await exported(frame, tmp_path / "sockets.csv", "enter")).splitlines()
    assert head == printed.splitlines()[0]
    assert sorted(line for line in lines if ",ESTABLISHED," in line) == sorted(
        printed.splitlines()[1:]
    )
