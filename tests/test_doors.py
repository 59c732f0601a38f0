"""One answer, whichever door it is asked at: screen, report, audit, check, plan, wait and API."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tui.api as api
from tests.tables import NOW, Sock, any_rules, crossing, reading, rules, steady, table, waiting
from tui.analysis.judgement import Level, pattern_levels, port_use
from tui.analysis.patterns import Direction
from tui.analysis.trends import Trends
from tui.dashboard.widgets.patterns import PatternRows
from tui.findings.config import Config
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners
from tui.planning.demand import Demand, observe
from tui.planning.remedies import plan
from tui.planning.setting import gather
from tui.report.answer import CRITICAL, OK, WARNING, judge_fullest
from tui.report.text import LEVELS, patterns_text, time_wait_text
from tui.report.whole import to_dict
from tui.watching.view import View
from tui.watching.watch import Watch
from tui.writing.words import written

CODES = {
    Level.EXHAUSTED: "ports-exhausted",
    Level.HOT: "ports-above-threshold",
    Level.SLOW: "connect-slow",
}
MARKS = {Level.EXHAUSTED: "!", Level.HOT: "!", Level.SLOW: "~", Level.FINE: " "}
EXITS = {Level.EXHAUSTED: CRITICAL, Level.HOT: CRITICAL, Level.SLOW: WARNING, Level.FINE: OK}

thresholds = st.sampled_from((20.0, 33.3, 50.0, 80.0, 100.0)) | st.floats(0.1, 100)


def plain(text: str, colour: str) -> str:
    return text


def view_of(socks: list[Sock], given_: PortRules, threshold: float) -> View:
    watch = Watch(Config().with_threshold(threshold))
    return watch.take(reading(table(*socks), given_, time=NOW))


def cell(view: View, index: int, column: str) -> str:
    """What stands on screen in a pattern's row."""
    rows = PatternRows(view, "use", False)
    row = rows.order.tolist().index(index)
    shown = rows.cell(row, column, 24)
    return shown if isinstance(shown, str) else "".join(text for text, _ in shown)


@given(crossing, any_rules(), thresholds)
@steady
def test_how_the_ports_stand(socks: list[Sock], given_: PortRules, threshold: float) -> None:
    view = view_of(socks, given_, threshold)
    frame = view.frame
    records = to_dict(frame, Owners({}))["patterns"]
    assert records == api.patterns(frame)
    at_once = diagnose(Situation(frame, config=view.config))
    text = patterns_text(frame, Owners({}), threshold, plain).splitlines()[2:]
    judged = pattern_levels(frame.patterns, threshold)
    for index, record in enumerate(records):
        use, level = port_use(frame.patterns, index), Level(int(judged[index]))
        subject = str(frame.patterns.key(index))
        shares = {
            "in_use": use.in_use,
            "capacity": use.capacity,
            "free": use.free,
            "reusable": use.reusable,
            "locked": use.locked,
            "connectable": use.connectable,
        }
        outgoing = frame.patterns.direction[index] == Direction.OUTGOING
        if outgoing:
            assert record.items() >= shares.items()
        else:  # on screen and in text it is "–"
            assert record["connectable"] is None
        for findings in (at_once, [case.finding for case in view.cases.known]):
            about = {one.code: one for one in findings if one.subject == subject}
            expected = {CODES[level]} if level else set()
            assert set(about) & set(CODES.values()) == expected
            for finding in about.values():
                if finding.code in CODES.values():
                    told = {name: finding.evidence.get(name) for name in shares if name != "free"}
                    assert told == {name: shares[name] for name in told}
        assert LEVELS[level][0].format(threshold=written(threshold)) in text[index]
        assert (level > Level.FINE) == text[index].rstrip().endswith(("fails", "connect()", " %"))
        if not outgoing:
            assert level is Level.FINE
            continue
        answer = judge_fullest(frame, np.array([index]), min(50.0, threshold), threshold)
        assert answer.code == EXITS[level]
        assert cell(view, index, "connectable") == f"{use.connectable:,}"
        assert cell(view, index, "use")[-1] == MARKS[level]
        percents = [
            re.findall(r"([\d.]+)%", shown)[0]
            for shown in (text[index], cell(view, index, "use"), answer.line)
        ]
        # The report writes as many digits as the threshold has.
        assert len({math.floor(10 * float(one) + 1e-6) for one in percents}) == 1
        facts = gather(frame, record["local_ip"], record["remote_ip"], record["remote_port"])
        assert facts.ports(given_.low, given_.high) == use.capacity


@given(crossing, any_rules())
@steady
def test_how_fast_sockets_close_and_what_the_ports_sustain(
    socks: list[Sock], given_: PortRules
) -> None:
    view = view_of(socks, given_, 80)
    frame, trends = view.frame, view.trends
    everywhere = frame.time_wait.closing_per_second
    report = to_dict(frame, Owners({}))
    assert report["time_wait"]["closing_per_second"] == pytest.approx(everywhere, abs=1e-3)
    assert trends.closing == everywhere
    text = time_wait_text(frame, plain)
    assert f"{everywhere:,.0f}/s closing" in text
    total = 0.0
    for index in range(len(frame.patterns)):
        observed = observe(frame, index)
        total += observed.rate
        key = frame.patterns.key(index)
        if key.direction is not Direction.OUTGOING:
            continue
        facts = gather(frame, key.local_ip, key.remote_ip, key.remote_port)
        capacity = port_use(frame.patterns, index).capacity
        today = plan(Demand(1, 0), facts).today.outcome
        assert today.capacity == capacity
        assert today.sustainable_rate == pytest.approx(frame.hold(index).sustains(capacity))
        reuse = bool(frame.patterns.reuse[index])
        assert frame.hold(index).seconds == pytest.approx(frame.patterns.hold[index])
        assert frame.hold_with(reuse=reuse) == frame.hold(index)
    assert total == pytest.approx(everywhere)


def test_under_reuse_only_what_is_still_there_makes_the_rate() -> None:
    """700 younger than a second and 150 of ten: 700 a second, not a fifth of it."""
    socks = [waiting(40_000 + n, 59_500) for n in range(700)]
    socks += [waiting(41_000 + n, 50_000) for n in range(150)]
    given_ = rules(40_000, 41_999, reuse_mode=1)
    view = view_of(socks, given_, 30)
    (record,) = api.patterns(view.frame)
    (hot,) = (one for one in api.audit(view.frame, config=view.config) if one.pattern)
    expected = api.remedies(view.frame)
    assert expected is not None
    assert record["reusable"] == 150
    assert (
        view.trends.closing,
        to_dict(view.frame, Owners({}))["time_wait"]["closing_per_second"],
        hot.evidence["closing_per_second"],
        expected.load.rate,
    ) == (700, 700, 700, 700)
    assert "700/s closing" in time_wait_text(view.frame, plain)


def test_what_all_can_be_taken_over_alarms_nowhere() -> None:
    """1,000 of 1,000 ports reusable: connect() finds every one of them."""
    socks = [waiting(40_000 + n, 30_000) for n in range(1000)]
    view = view_of(socks, rules(40_000, 40_999, reuse_mode=1), 80)
    (record,) = api.patterns(view.frame)
    assert (record["in_use"], record["locked"], record["connectable"]) == (1000, 0, 1000)
    assert judge_fullest(view.frame, np.array([0]), 50, 80).code == OK
    told = {one.code for one in api.audit(view.frame)}
    told |= {case.finding.code for case in view.cases.known}
    assert told.isdisjoint(CODES.values())
    assert "100.0% " in cell(view, 0, "use")


def test_a_percentage_never_contradicts_its_threshold() -> None:
    """43.3905 % of the ports, and a threshold of 43.39 %."""
    socks = [waiting(20_000 + n, 30_000) for n in range(12_250)]
    given_ = rules(20_000, 20_000 + 28_231)
    view = view_of(socks, given_, 43.39)
    (finding,) = (one for one in api.audit(view.frame, config=view.config) if one.pattern)
    assert finding.code == "ports-above-threshold"
    share, limit = re.findall(r"([\d.]+) %", finding.message)
    assert float(share) >= float(limit) == 43.39


def test_json_is_what_the_api_gives() -> None:
    view = view_of([waiting(40_000 + n, 30_000) for n in range(5)], rules(), 80)
    assert json.loads(json.dumps(api.full_report(view.frame))) == to_dict(view.frame, Owners({}))
    assert isinstance(replace(view, frozen=True).trends, Trends)
