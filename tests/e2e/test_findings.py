"""Findings and the plan as a person meets them in a terminal."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal

PROXY = (*TWTOP, "--proc", str(ROOT / "tests/fixtures/6.18-proxy/proc"))
ESCAPE, ENTER, TAB, RIGHT = "\x1b", "\r", "\t", "\x1b[C"
DATABASE = "10.0.0.5 → 10.0.0.9:5432"
SYSCTL = "sysctl -w net.ipv4.tcp_tw_reuse=1"


class Copied(Terminal):
    """A terminal that keeps what programs put into its clipboard (OSC 52)."""

    def _feed(self, data: bytes) -> None:
        self.copied = getattr(self, "copied", [])
        for text in re.findall(rb"\x1b]52;c;([A-Za-z0-9+/=]*)\x07", data):
            self.copied.append(base64.b64decode(text).decode())
        super()._feed(re.sub(rb"\x1b]52;c;[^\x07]*\x07", b"", data))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_from_the_findings_to_the_command_and_the_plan(columns: int, rows: int) -> None:
    with Copied((*PROXY, "-t", "40"), columns=columns, rows=rows) as terminal:
        terminal.wait_for("1 critical")
        terminal.press("f")
        terminal.wait_for(f"■ critical {DATABASE}" if columns > 100 else "⁶ Findings")
        terminal.press(ENTER)
        terminal.wait_for("ports-above-threshold")
        terminal.press("c")
        terminal.wait_for("OSC 52")
        assert terminal.copied == [SYSCTL]
        terminal.press("p")
        terminal.wait_for("Sockets · 12,250")
        terminal.press("l")
        terminal.wait_for("What would be enough", lambda _: DATABASE in terminal.line(0))
        terminal.press("9")
        terminal.wait_for("New connections per second:")
        terminal.press("00" + ENTER)
        terminal.wait_for("900/s", re.compile(r"tcp_tw_reuse=1 .* works"))
        terminal.press(TAB + RIGHT)
        terminal.wait_for(re.compile(r"Lifetime +◂"))
        terminal.press(ESCAPE)
        terminal.wait_for("Sockets ·")
        terminal.press(ESCAPE)
        terminal.wait_for("ports-above-threshold")
        terminal.press(ESCAPE)
        terminal.wait_for("⁶ Findings")
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()


def test_settings_and_silences_hold_for_the_dashboard(tmp_path: Path) -> None:
    (tmp_path / "twtop").mkdir()
    settings = '[ports]\nthreshold = 40\n[[silence]]\ncode = "ports-above-threshold"\n'
    (tmp_path / "twtop/config.toml").write_text(settings)
    with Terminal(PROXY, env={"XDG_CONFIG_HOME": str(tmp_path)}) as terminal:
        text = terminal.wait_for("Findings", "43.3%!")
        assert "critical" not in text


def test_listeners_that_cannot_be_read_end_it(tmp_path: Path) -> None:
    (tmp_path / "twtop").mkdir()
    (tmp_path / "twtop/listeners.json").write_text("{")
    with Terminal(PROXY, env={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        assert terminal.wait() == 2
        assert "listeners.json: not JSON" in terminal.text


def test_what_the_dashboard_finds_audit_finds() -> None:
    audit = subprocess.run(
        (*PROXY[:3], "audit", *PROXY[3:], "--json"), cwd=ROOT, capture_output=True, check=False
    )
    found = json.loads(audit.stdout)["findings"]
    with Terminal(PROXY, columns=200, rows=60) as terminal:
        terminal.wait_for(*(finding["message"].split(". ")[0][:60] for finding in found[:6]))
