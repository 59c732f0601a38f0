import pytest

from tui.analysis.judgement import PortUse
from tui.lab.outcome import Latency, Outcome
from tui.simulate.held import Held
from tui.simulate.progress import bar, progress_lines
from tui.writing.words import joined, measured, plural


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (1.5e-6, "1.5 µs"),
        (18e-6, "18 µs"),
        (0.0019, "1.9 ms"),
        (0.0419, "42 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.0 s"),
        (9.97, "10 s"),
        (61, "61 s"),
        (3600, "3,600 s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert measured(seconds) == text


def test_count() -> None:
    assert [plural(number, "port") for number in (0, 1, 2000)] == [
        "0 ports",
        "1 port",
        "2,000 ports",
    ]


def test_joined() -> None:
    assert [joined(list(text)) for text in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_progress() -> None:
    outcome = Outcome(
        0,
        12.3,
        connected=2000,
        errors={"EADDRNOTAVAIL": 4},
        connected_per_second=31_022,
        latency=Latency(18e-6, 45e-6, 1e-3),
        held=3,
    )
    held = Held(None, PortUse(1000, live=1, waiting=500))
    assert progress_lines(outcome, held, 5000) == (
        "12 s · 2,000 of 5,000 · 31,022/s · connect() p50 18 µs p99 45 µs · EADDRNOTAVAIL 4",
        "50.1% of 1,000 ports · TIME-WAIT 500 · open 3",
    )
    assert "no errors" in progress_lines(Outcome(0, 0), Held(None, PortUse(0)), 5)[0]


@pytest.mark.parametrize(("share", "full"), [(0, 0), (0.001, 1), (0.5, 5), (1, 10), (1.2, 10)])
def test_bar(share: float, full: int) -> None:
    assert bar(share, 10) == "█" * full + "░" * (10 - full)
