"""Findings over time: what is news, what persists, what only flickers."""

from __future__ import annotations

from dataclasses import replace

from tui.analysis.patterns import NO_PORT, Direction, PatternKey
from tui.findings.cases import FORGET_SECONDS, Cases, tally
from tui.findings.codes import LEVELS
from tui.findings.finding import Finding, Severity

INFO, WARNING, CRITICAL = Severity


def finding(
    code: str = "connect-slow", severity: Severity = WARNING, subject: str = "a", **evidence: int
) -> Finding:
    return Finding(code, severity, subject, f"{subject} is slow", "So it is. Truly.", evidence)


def story(*looks: tuple[float, list[Finding]]) -> list[Cases]:
    """The cases after each of these looks."""
    told, cases = [], Cases()
    for now, found in looks:
        cases = cases.then(found, now)
        told.append(cases)
    return told


def news(cases: Cases) -> list[str]:
    return [case.finding.code for case in cases.news_since(cases.looks - 1)]


class TestNews:
    def test_nothing_of_the_first_look_is(self) -> None:
        (cases,) = story((100, [finding()]))
        assert news(cases) == []
        assert cases.present[0].from_start

    def test_what_begins_later_is_once(self) -> None:
        told = story((100, []), (101, [finding()]), (102, [finding(ports=2)]))
        assert [news(cases) for cases in told] == [[], ["connect-slow"], []]
        case = told[-1].present[0]
        assert (case.since, case.from_start) == (101, False)
        assert case.finding.evidence == {"ports": 2}

    def test_what_flickers_is_not(self) -> None:
        told = story((100, []), (101, [finding()]), (102, []), (150, [finding()]))
        assert news(told[-1]) == []
        assert told[-1].present[0].since == 101

    def test_what_comes_back_after_a_minute_is(self) -> None:
        told = story((100, []), (101, [finding()]), (102, []), (162, []), (102 + 61, [finding()]))
        assert news(told[-1]) == ["connect-slow"]
        assert told[-1].present[0].since == 163

    def test_what_grows_graver_is(self) -> None:
        told = story((100, [finding()]), (101, [finding(severity=CRITICAL)]))
        assert news(told[-1]) == ["connect-slow"]
        assert told[-1].present[0].since == 100

    def test_what_grows_graver_again_at_once_is_not(self) -> None:
        grave, mild = finding(severity=CRITICAL), finding()
        told = story((100, [mild]), (101, [grave]), (102, [mild]), (103, [grave]))
        assert [len(cases.news_since(cases.looks - 1)) for cases in told] == [0, 1, 0, 0]

    def test_what_grows_graver_again_after_a_minute_is(self) -> None:
        grave, mild = finding(severity=CRITICAL), finding()
        told = story((100, [grave]), (101, [mild]), (161, [mild]), (162, [grave]))
        assert news(told[-1]) == ["connect-slow"]

    def test_a_long_interval_does_not_make_old_things_new(self) -> None:
        hour = 3600.0
        told = story((0, []), (hour, [finding()]), (2 * hour, [finding()]))
        assert [len(cases.news_since(cases.looks - 1)) for cases in told] == [0, 1, 0]

    def test_two_subjects_are_two(self) -> None:
        told = story((100, [finding()]), (101, [finding(), finding(subject="b")]))
        assert [case.finding.subject for case in told[-1].news_since(told[-1].looks - 1)] == ["b"]

    def test_what_the_user_has_changed_is_not(self) -> None:
        before = Cases().then([], 100)
        found = before.then([finding()], 101, quietly=True)
        assert found.present[0].news is None
        assert news(found) == news(found.then([finding()], 102)) == []
        graver = found.then([finding(severity=CRITICAL)], 102, quietly=True)
        assert news(graver) == []
        assert news(graver.then([finding(severity=CRITICAL)], 103)) == []

    def test_it_can_be_asked_for_since_a_look(self) -> None:
        """By whoever was not there at each: a case is told while it is known."""
        told = story(
            (100, [finding("old")]),
            (101, [finding("old"), finding("one")]),
            (102, [finding("old"), finding("one"), finding("two")]),
            (103, [finding("old"), finding("two")]),
        )[-1]
        assert news(told) == []
        since = [{case.finding.code for case in told.news_since(look)} for look in range(5)]
        assert since == [{"one", "two"}, {"one", "two"}, {"two"}, set(), set()]

    def test_growing_graver_makes_it_news_again(self) -> None:
        told = story((100, []), (101, [finding()]), (102, [finding(severity=CRITICAL)]))
        assert [case.news for case in told[-1].known] == [3]
        assert [case.since for case in told[-1].known] == [101]


DATABASE = PatternKey(Direction.OUTGOING, 0, 5, NO_PORT, 0, 9, 5432)
SLOW, HOT, FULL = (
    replace(finding(code, severity), pattern=DATABASE)
    for code, severity in zip(LEVELS, (WARNING, CRITICAL, CRITICAL), strict=True)
)
SOON = replace(finding("exhausts-soon", CRITICAL), pattern=DATABASE)


class TestOneStory:
    """A pattern that fills up is one case, which grows graver and keeps its age."""

    def test_it_keeps_its_age_and_nothing_ends(self) -> None:
        told = story((100, []), (101, [SLOW]), (110, [HOT]), (120, [FULL]), (180, [SLOW]))
        assert [len(cases.known) for cases in told] == [0, 1, 1, 1, 1]
        assert {case.since for cases in told for case in cases.known} == {101}
        assert [case.finding.code for case in told[3].present] == ["ports-exhausted"]

    def test_each_step_up_is_news_and_no_step_down(self) -> None:
        told = story((100, []), (101, [SLOW]), (102, [HOT]), (103, [FULL]), (104, [HOT]))
        assert [len(news(cases)) for cases in told] == [0, 1, 1, 1, 0]

    def test_a_full_one_that_flickers_is_no_news(self) -> None:
        told = story((100, [FULL]), (101, [HOT]), (102, [FULL]), (103, [HOT]))
        assert [news(cases) for cases in told] == [[]] * 4

    def test_the_sums_over_further_patterns_stay_apart(self) -> None:
        """There is one for each code at the same time, and they have no pattern."""
        sums = [replace(one, pattern=None, subject="further patterns") for one in (FULL, SLOW)]
        (cases,) = story((100, sums))
        assert len({case.identity for case in cases.known}) == 2

    def test_what_follows_from_it_stands_behind_the_others(self) -> None:
        """Three lines about one pattern would hide the two that fail already."""
        other, third = (DATABASE._replace(remote_port=port) for port in (6379, 443))
        full = [replace(FULL, pattern=key, subject=str(key)) for key in (other, third)]
        begins = [(100, [full[0]]), (105, full)]
        cases = story(*begins, (110, [*full, SOON, HOT]))[-1]
        assert [case.finding for case in cases.known] == [full[1], full[0], SOON, HOT]
        cases = story(*begins, (110, [*full, SOON, HOT]), (120, [*full, FULL, SOON]))[-1]
        assert [case.finding for case in cases.known] == [FULL, full[1], full[0], SOON]

    def test_a_forecast_that_comes_true_is_not_over(self) -> None:
        told = story((100, [HOT, SOON]), (101, [FULL]), (102, []))
        (soon,) = (case for case in told[1].known if case.gone is not None)
        heir = told[1].heir(soon)
        assert heir is not None
        assert heir.finding == FULL
        assert [told[2].heir(case) for case in told[2].known] == [None, None]

    def test_what_is_milder_or_of_another_pattern_is_no_heir(self) -> None:
        other = replace(FULL, pattern=DATABASE._replace(remote_port=1), subject="b")
        told = story((100, [SOON]), (101, [SLOW, other, finding("remote-share", CRITICAL)]))
        (soon,) = (case for case in told[-1].known if case.gone is not None)
        assert told[-1].heir(soon) is None


class TestOrder:
    def test_the_gravest_and_then_the_newest_first(self) -> None:
        old, new, grave = finding("old"), finding("new"), finding("grave", CRITICAL)
        told = story((100, [grave, old]), (101, [grave, old, new]))
        assert [case.finding.code for case in told[-1].known] == ["grave", "new", "old"]

    def test_of_one_moment_as_the_rules_have_them(self) -> None:
        (cases,) = story((100, [finding("b"), finding("a")]))
        assert [case.finding.code for case in cases.known] == ["b", "a"]


class TestEnd:
    def test_what_has_ended_is_known_for_a_minute(self) -> None:
        told = story((100, [finding(ports=7)]), (101, []), (150, []), (101 + FORGET_SECONDS, []))
        assert [len(cases.known) for cases in told] == [1, 1, 1, 0]
        assert [len(cases.present) for cases in told] == [1, 0, 0, 0]
        (case,) = told[2].known
        assert case.gone_for(150) == 49
        assert case.finding.evidence == {"ports": 7}

    def test_at_a_long_interval_it_is_still_told_once(self) -> None:
        told = story((0, [finding()]), (600, []))
        assert told[-1].known[0].gone_for(600) == 0

    def test_the_cases_before_stay_as_they_were(self) -> None:
        """A frozen screen keeps them."""
        first, second = story((100, [finding()]), (101, []))
        assert first.present
        assert not second.present


def test_tally() -> None:
    def cases(*severities: Severity) -> list[Finding]:
        return [finding(severity=one) for one in severities]

    assert tally([]) == ""
    assert tally(cases(WARNING)) == "1 warning"
    assert tally(cases(INFO, CRITICAL, WARNING, CRITICAL, WARNING)) == (
        "2 critical, 2 warnings, 1 info"
    )
