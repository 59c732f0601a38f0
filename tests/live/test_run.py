"""What `twtop run` says a command cost, against what the command did and the kernel counted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.e2e.terminal import Terminal
from tests.patience import limit
from tests.private import Lab
from tui.cli import main
from tui.kernel.counters import read_counters
from tui.kernel.refusals import CountingError, Refusals
from tui.kernel.sockets import State
from tui.lab.namespace import sysctl
from tui.recording.files import open_recording

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


def counting() -> bool:
    """Whether refusals can be counted here."""
    try:
        Refusals().close()
    except CountingError:
        return False
    return True


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
    recording, chart = tmp_path / "r.twtop", tmp_path / "r.svg"
    outs = "--out", str(recording), "--out", str(chart)
    code, out, page, told, _ = lab.call(cost, tmp_path, 1500, "--max-use", "80", *outs)
    assert code == 1  # that of --max-use: the load's own is 0
    assert out.split() == ["1000", "500"]
    (destination,) = told["destinations"]
    assert destination["connections"] == destination["peak_in_use"] == 1000
    assert destination["exhausted_at"] is not None
    assert "FULL" in page
    if counting():
        assert told["refused"] == destination["refused"] == 500
        assert "500 refused" in page
    (line,) = [one for one in page.splitlines() if one.startswith("What would help: ")]
    assert "sources" in line  # what would do depends on how fast the machine is
    drawn = ElementTree.parse(chart)
    (curve,) = drawn.iter("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, one.split(","))) for one in curve.attrib["points"].split()]
    top = min(y for _, y in points)
    full = [x for x, y in points if y == top]
    assert points[0][1] > top
    assert full[-1] == points[-1][0]  # it stays full to the end
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


SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 5001), backlog=512)
print(flush=True)
while True:
    other, _ = server.accept()
    other.recv(4096)
    other.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    other.recv(4096)  # the client closes first, and so has the TIME-WAIT
    other.close()
"""


def bench(folder: Path) -> tuple[str, dict[str, Any], int]:
    """Have wrk take a connection for each request, until 1,000 ports are used up."""
    sysctl("ipv4.ip_local_port_range", "40000 40999")
    sysctl("ipv4.tcp_tw_reuse", 0)
    told = folder / "run.json"
    here = Path("/proc/thread-self"), Path("/proc")
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            before = read_counters(*here)["ActiveOpens"]
            load = "wrk", "-t1", "-c1", "-d4s", "http://127.0.0.1:5001/"
            done = subprocess.run(
                [sys.executable, "-m", "tui", "run", "--json", str(told), "--", *load],
                capture_output=True,
                text=True,
                timeout=limit(),
            )
            opened = read_counters(*here)["ActiveOpens"] - before
        finally:
            server.kill()
    return done.stderr, json.loads(told.read_text()), opened


@pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk")
def test_a_real_load_agrees_with_the_kernel_and_its_wall_is_named(lab: Lab, tmp_path: Path) -> None:
    page, told, opened = lab.call(bench, tmp_path)
    (destination,) = told["destinations"]
    assert (destination["connections"], told["connections"]) == (1000, opened)
    assert opened in (1000, 1001)  # wrk tries the address first, which may end in a reset
    assert destination["time_waits"] == destination["peak_in_use"] == 1000
    assert destination["exhausted_at"] is not None
    assert "FULL" in page
    if counting():
        assert told["refused"] > 0


INTERRUPTED = """
import signal, socket, sys, time
count = 0
def interrupted(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
server = socket.create_server(("127.0.0.1", 5001))
client = socket.create_connection(("127.0.0.1", 5001))
other, _ = server.accept()
client.close()
other.close()
print("begun", flush=True)
while not count:
    time.sleep(0.01)
time.sleep(0.5)  # for a second one
print("interrupts:", count, flush=True)
sys.exit(7)
"""


def interrupt(folder: Path, stdin: str) -> tuple[int, str]:
    """Press Ctrl-C while the command runs."""
    (folder / "load.py").write_text(INTERRUPTED)
    line = f"exec {sys.executable} -m tui run --json {folder}/run.json --out {folder}/r.twtop -- "
    line += f"{sys.executable} {folder}/load.py {stdin}"
    with Terminal(("sh", "-c", line)) as terminal:
        terminal.wait_for("begun")
        terminal.press("\x03")
        code = terminal.wait()
        return code, terminal.text


@pytest.mark.parametrize("stdin", ["", "< /dev/null"])
def test_ctrl_c_ends_the_command_and_the_page_is_printed(
    lab: Lab, tmp_path: Path, stdin: str
) -> None:
    """The terminal interrupts all that is in its foreground: to pass that on would be twice."""
    code, text = lab.call(interrupt, tmp_path, stdin)
    assert code == 7
    assert "interrupts: 1" in text
    assert "127.0.0.1:5001" in text.partition("interrupts: 1")[2]
    assert json.loads((tmp_path / "run.json").read_text())["connections"] == 1
    recording = open_recording(tmp_path / "r.twtop")
    last = recording.moment(len(recording.timeline) - 1).reading
    assert not recording.notes
    assert int((last.table.state == State.TIME_WAIT).sum()) == 1


def watch_live(folder: Path) -> tuple[int, str, bool]:
    """Look at the dashboard while a load runs, and leave it."""
    sysctl("ipv4.tcp_tw_reuse", 0)
    (folder / "load.py").write_text(LOAD)
    argv = sys.executable, "-m", "tui", "run", "--live", "--"
    with Terminal((*argv, sys.executable, str(folder / "load.py"), "5001", "300")) as terminal:
        text = terminal.wait_for("127.0.0.1:5001", "Patterns", "LIVE")
        terminal.press("q")
        code = terminal.wait()
        terminal.assert_clean()
        return code, terminal.text, "300 0" in text


def test_the_dashboard_beside_it(lab: Lab, tmp_path: Path) -> None:
    """What the command says waits for the end of the dashboard, and then the page follows."""
    code, text, disturbed = lab.call(watch_live, tmp_path)
    assert code == 0
    assert not disturbed
    said, page = text.index("300 0"), text.index("127.0.0.1:5001")
    assert said < page


@pytest.mark.skipif(find_spec("resvg_py") is None, reason="no resvg-py")
def test_the_png_is_the_svg(lab: Lab, tmp_path: Path) -> None:
    import resvg_py

    chart, picture = tmp_path / "r.svg", tmp_path / "r.png"
    code, *_ = lab.call(cost, tmp_path, 400, "--out", str(chart), "--out", str(picture))
    assert code == 0
    (curve,) = ElementTree.parse(chart).iter("{http://www.w3.org/2000/svg}polyline")
    assert len({point.partition(",")[2] for point in curve.attrib["points"].split()}) > 1
    assert picture.read_bytes() == bytes(resvg_py.svg_to_bytes(svg_string=chart.read_text()))


def test_without_what_draws_a_png_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tui.commands.run.find_spec", lambda name: None)
    line = ["twtop", "run", "--out", f"{tmp_path}/r.png", "--", "touch", f"{tmp_path}/begun"]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "twtop[png]" in capsys.readouterr().err
    assert not (tmp_path / "begun").exists()


@pytest.mark.parametrize("command", [0, 7])
@pytest.mark.parametrize("option", ["--json", "--out"])
def test_a_file_that_cannot_be_written_is_named_and_no_success(
    tmp_path: Path, option: str, command: int
) -> None:
    """The command's own exit code comes first, and the result is printed in any case."""
    file = "/dev/full" if option == "--json" else f"{tmp_path}/none/q.svg"
    line = ["run", option, file, "--", "sh", "-c", f"exit {command}"]
    done = subprocess.run(
        [sys.executable, "-m", "tui", *line], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == (command or 1)
    (said,) = (each for each in done.stderr.splitlines() if each.startswith("twtop: "))
    assert said.startswith(f"twtop: {file}: ")
    assert len(done.stderr.splitlines()) > 1


@pytest.mark.parametrize(
    "line",
    [
        ["run", "--json", "--max-use", "10", "--", "true"],
        ["run", "--out", "--live", "true"],
        ["watch", "--from", "--top"],
        ["--proc", "--source"],
        ["report", "--from", "--details"],
    ],
)
def test_an_option_is_no_file(
    tmp_path: Path,
    line: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["twtop", *line])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "is an option, not a file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
