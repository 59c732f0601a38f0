import os
import signal
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.patience import limit, until
from tui.lab.process import Child, ChildError


def echo(connection: Connection, greeting: str) -> None:
    connection.send(f"{greeting} {connection.recv()}")
    connection.recv()


def fail(connection: Connection) -> None:
    raise OSError("no more of this")


def sleep(connection: Connection) -> None:
    connection.send(os.getpid())
    time.sleep(limit())


def have_a_child(connection: Connection) -> None:
    with Child(sleep) as child:
        connection.send((child.process.pid, child.receive()))
        time.sleep(limit())


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class TestChild:
    def test_runs_the_function_and_talks(self) -> None:
        with Child(echo, greeting="hello") as child:
            child.connection.send("world")
            assert child.receive() == "hello world"

    def test_what_it_raises_is_said_where_it_was_started(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with Child(fail) as child:
            with pytest.raises(ChildError, match="fail failed: no more of this"):
                child.receive()
            assert child.process.wait() == 1
        assert capfd.readouterr() == ("", "")

    def test_a_killed_one_is_called_so(self) -> None:
        with Child(sleep) as child:
            os.kill(child.receive(), signal.SIGKILL)
            with pytest.raises(ChildError, match="was killed by SIGKILL"):
                child.receive()

    def test_the_end_of_the_line_is_not_an_error(self) -> None:
        child = Child(echo, "hello")
        child.stop()
        assert child.process.wait() == 0

    def test_it_ends_with_the_one_that_made_it_even_by_kill_9(self) -> None:
        with Child(have_a_child) as child:
            pid, same = child.receive()
            assert pid == same
            os.kill(child.process.pid, signal.SIGKILL)
            until(lambda: gone(pid), "the end of the child's child")

    def test_killing_it_ends_its_children_too(self) -> None:
        child = Child(have_a_child)
        pid, _ = child.receive()
        child.kill()
        until(lambda: gone(pid), "the end of the child's child")

    def test_what_lies_in_the_current_directory_is_not_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "tui").mkdir()
        for trap in ("tui/__init__.py", "queue.py"):
            (tmp_path / trap).write_text("open('sprung', 'w')\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", ["", *sys.path])
        with Child(echo, "hello") as child:
            child.connection.send("world")
            assert child.receive() == "hello world"
        assert not (tmp_path / "sprung").exists()
