"""The text of the load's panel, at several widths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tui.analysis.judgement import PortUse
from tui.dashboard.widgets.clients import (
    WHOLE,
    Line,
    Played,
    folded,
    one_line,
    rate_text,
    whole,
)
from tui.lab.outcome import Latency, Outcome
from tui.stage.agreement import Agreement, Standing
from tui.stage.scenarios import SCENARIOS

AGREED = Agreement(
    time=0.0,
    tuples=1,
    use=PortUse(1000, live=1, waiting=411),
    closings=(0,) * 60,
    reuse=False,
    outcome=Outcome(0.0, 8.0, attempted=412, connected=412),
    failing=False,
    at_odds=False,
    standing=Standing.AGREES,
)
FULL = replace(AGREED, use=PortUse(1000, waiting=1000), failing=True)
GOING = Outcome(
    0.0,
    8.0,
    attempted=412,
    connected=412,
    connected_per_second=50.0,
    latency=Latency(18e-6, 41e-6, 50e-6),
    overall=Latency(18e-6, 41e-6, 50e-6),
    held=1,
    rate=50,
)
FAILING = replace(
    GOING,
    connected_per_second=0.0,
    errors={"EMFILE": 2, "EADDRNOTAVAIL": 1204},
    errors_per_second={"EADDRNOTAVAIL": 50.0},
    latency=None,
)


def played(outcome: Outcome | None = GOING, verdict: Agreement | None = AGREED) -> Played:
    scenario = SCENARIOS["exhaustion"]
    return Played(
        name=scenario.name,
        summary=scenario.summary,
        watch=scenario.watch,
        title="Demo",
        keys="n next · [ ] rate · p pause",
        outcome=outcome,
        verdict=verdict,
    )


def text(lines: list[Line]) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in lines]


class TestWhole:
    def test_both_halves_say_their_part(self) -> None:
        lines = text(whole(played(), 118))
        assert "One destination, 1,000 ports" in lines[0]
        assert "50/s of 50/s connected · 1 open" in lines[3]
        assert "connect() 18 µs p50 · 41 µs p99" in lines[4]
        assert "412 of 1,000 ports 41.2% · connectable 588" in lines[4]
        assert "no errors" in lines[5]
        assert "= clients agree: a port for every connect()" in lines[5]

    def test_exhaustion_is_said_on_both_sides(self) -> None:
        lines = text(whole(played(FAILING, FULL), 118))
        assert "EXHAUSTED" in lines[4]
        assert lines[5].index("EADDRNOTAVAIL 50/s, 1,204 in all") < lines[5].index("EMFILE 0/s")
        assert "= clients agree: no port left, and connect() fails" in lines[5]

    @pytest.mark.parametrize("width", [1, 20, 60, 80, 98, 118, 198])
    @pytest.mark.parametrize("name", SCENARIOS)
    def test_it_keeps_its_lines_and_its_width(self, name: str, width: int) -> None:
        scenario = SCENARIOS[name]
        for note in ("", "tcp_tw_reuse = 2 · in 9 s: tcp_tw_reuse = 1"):
            for outcome in (None, replace(GOING, note=note), replace(FAILING, note=note)):
                lines = text(whole(replace(played(outcome), watch=scenario.watch), width))
                assert len(lines) == WHOLE
                assert max(map(len, lines)) <= max(width, 20)

    @pytest.mark.parametrize("name", SCENARIOS)
    def test_what_to_watch_for_is_whole_at_120_columns(self, name: str) -> None:
        watch = SCENARIOS[name].watch
        note = "in 9 s: more" if SCENARIOS[name].steps else ""
        lines = text(whole(replace(played(replace(GOING, note=note)), watch=watch), 116))
        assert watch in " ".join(line.strip() for line in lines)

    def test_what_comes_next_is_said(self) -> None:
        note = "tcp_tw_reuse = 2 · in 9 s: tcp_tw_reuse = 1"
        assert text(whole(played(replace(GOING, note=note)), 118))[2] == f" {note}"

    def test_until_it_is_ready_it_says_so(self) -> None:
        assert "setting up …" in text(whole(played(None, None), 118))[2]

    def test_several_tuples_are_counted(self) -> None:
        five = replace(AGREED, tuples=5, use=replace(AGREED.use, capacity=5000))
        assert "412 of 5 × 1,000 ports 8.2%" in text(whole(played(GOING, five), 118))[4]

    def test_a_pause_and_an_end_are_said(self) -> None:
        assert "PAUSED" in text(whole(played(replace(GOING, paused=True)), 118))[3]
        ended = text(whole(played(replace(GOING, ended=True)), 118))[3]
        assert "ENDED after 412 connections" in ended

    @pytest.mark.parametrize(
        ("standing", "words"),
        [
            (Standing.NOTHING, "no connect() to compare yet"),
            (Standing.CHANGING, "changed between two readings"),
            (Standing.DIFFERS, "≠ clients differ: connect() succeeds"),
            (Standing.UPPER_BOUND, "≤ upper bound: bind() takes a port from every tuple"),
        ],
    )
    def test_every_standing_has_its_words(self, standing: Standing, words: str) -> None:
        assert words in text(whole(played(GOING, replace(AGREED, standing=standing)), 118))[5]


class TestFolded:
    def test_three_lines_at_80_columns(self) -> None:
        lines = text(folded(played(FAILING, FULL), 80))
        assert len(lines) == 3
        assert lines[0].startswith(" exhaustion · one destination eats all ports  ")
        assert lines[0].rstrip().endswith("n next · [ ] rate · p pause")
        assert "0/s of 50/s connected · EADDRNOTAVAIL 50/s, 1,204 in all" in lines[1]
        assert "1,000 of 1,000 ports 100.0% · EXHAUSTED · = clients agree" in lines[2]

    def test_a_note_takes_the_room_of_the_keys(self) -> None:
        note = "tcp_tw_reuse = 2: loopback only, nothing changes · in 9 s: tcp_tw_reuse = 1"
        head = text(folded(played(replace(GOING, note=note)), 80))[0]
        assert head.startswith(" exhaustion · tcp_tw_reuse = 2: loopback only")
        assert "p pause" not in head

    @pytest.mark.parametrize("width", [1, 5, 30, 79, 80, 120])
    def test_no_line_is_too_long(self, width: int) -> None:
        for each in (played(None, None), played(), played(FAILING, FULL)):
            assert max(map(len, text(folded(each, width)))) <= width
            assert len(text([one_line(each, width)])[0]) <= width


@pytest.mark.parametrize(("rate", "written"), [(0, "0/s"), (2.44, "2.4/s"), (1204.4, "1,204/s")])
def test_rates(rate: float, written: str) -> None:
    assert rate_text(rate) == written
