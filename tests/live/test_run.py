"""What `twtop run` says a command cost, against what the command did and the kernel counted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.private import Lab
from tui.kernel.counters import read_counters
from tui.lab.namespace import sysctl

pytestmark = pytest.mark.live

LOAD = """
import socket, sys
target, wanted = int(sys.argv[1]), int(sys.argv[2])
server = socket.create_server(("127.0.0.1", target), backlog=16)
made = failed = 0
for _ in range(wanted):
    client = socket.socket()
    try:
        client.connect(("127.0.0.1", target))
    except OSError:
        failed += 1
        client.close()
        continue
    other, _ = server.accept()
    client.close()
    other.close()
    made += 1
print(made, failed)
"""


def cost(folder: Path, wanted: int, *more: str) -> tuple[int, str, str, dict[str, Any], int]:
    """Run a load of so many connections toward a tuple of 1,000 ports."""
    sysctl("ipv4.ip_local_port_range", "40000 40999")
    sysctl("ipv4.tcp_tw_reuse", 0)
    told = folder / "run.json"
    program = folder / "load.py"
    program.write_text(LOAD)
    before = read_counters(Path("/proc/thread-self"), Path("/proc"))["ActiveOpens"]
    load = sys.executable, str(program), "5001", str(wanted)
    done = subprocess.run(
        [sys.executable, "-m", "tui", "run", "--json", str(told), *more, "--", *load],
        capture_output=True,
        text=True,
        timeout=60,
    )
    after = read_counters(Path("/proc/thread-self"), Path("/proc"))["ActiveOpens"]
    return done.returncode, done.stdout, done.stderr, json.loads(told.read_text()), after - before


def test_every_connection_is_counted(lab: Lab, tmp_path: Path) -> None:
    code, out, page, told, opened = lab.call(cost, tmp_path, 400)
    assert code == 0
    assert out.split() == ["400", "0"]
    assert told["connections"] == told["time_waits"] == opened == 400
    (destination,) = told["destinations"]
    assert (destination["remote_ip"], destination["remote_port"]) == ("127.0.0.1", 5001)
    assert destination["peak_in_use"] == 400
    assert destination["capacity"] == 1000
    assert destination["exhausted_at"] is None
    assert "40 %" in page


def test_the_wall_is_named_and_recorded(lab: Lab, tmp_path: Path) -> None:
    recording = tmp_path / "r.twtop"
    code, out, page, told, _ = lab.call(
        cost, tmp_path, 1500, "--max-use", "80", "--out", str(recording)
    )
    assert code == 1  # that of --max-use: the load's own is 0
    assert out.split() == ["1000", "500"]
    (destination,) = told["destinations"]
    assert destination["connections"] == destination["peak_in_use"] == 1000
    assert destination["exhausted_at"] is not None
    assert "FULL" in page
    report = subprocess.run(
        [sys.executable, "-m", "tui", "report", "--json", "--from", str(recording)],
        capture_output=True,
        check=True,
    )
    last = json.loads(report.stdout)
    assert last["states"]["TIME_WAIT"] == 1000
    assert last["ephemeral"]["capacity"] == 1000


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137), (["/no/such"], 127)],
)
def test_the_exit_code_is_the_commands(command: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "run", "--", *command], capture_output=True, timeout=60
    )
    assert done.returncode == code
