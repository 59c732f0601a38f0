"""twtop fleet --json and check --fleet: what is not known is never OK."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.fleet.answered import (
    BUSY,
    CALM,
    DOWN,
    FULL,
    GONE,
    Fake,
    Series,
    answers,
    fleet,
    serving,
    vector,
)
from tui.commands.fleet_check import judge_fleet
from tui.commands.prometheus import HEADERS, TOKEN, URL
from tui.fleet import queries
from tui.fleet.fleet import Doubt
from tui.metrics.recorded import Asked
from tui.report.answer import CRITICAL, OK, UNKNOWN, WARNING

QUIET: Mapping[Asked, tuple[Series, ...]] = {"locked": ((CALM, 0.05),), "left": (), "findings": ()}


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving() as made:
        yield made


def test_json_is_the_fleet(run: Run, fake: Fake) -> None:
    record = run("fleet", fake.url, "--json").json
    assert record["schema"] == "twtop.fleet/1"
    assert [one["labels"]["place"] for one in record["places"]] == ["shop/cart", "gw-2", "gw-1"]
    assert record["source"]["address"] == f"127.0.0.1:{fake.port}"


def test_no_answer_is_3(run: Run) -> None:
    with serving() as gone:
        pass
    ran = run("fleet", gone.url, "--json")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)


def test_the_environment_stands_in(
    run: Run, fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(URL, fake.url)
    monkeypatch.setenv(TOKEN, "secret")
    monkeypatch.setenv(HEADERS, "X-Scope-OrgID: a\nX-Other: b:c")
    assert run("fleet", "--json").json["hosts"] == 3
    sent = fake.headers[0]
    told = sent["Authorization"], sent["X-Scope-OrgID"], sent["X-Other"]
    assert told == ("Bearer secret", "a", "b:c")
    token = tmp_path / "token"
    token.write_text("other")
    run("fleet", "--json", "--token-file", token)
    assert fake.headers[-1]["Authorization"] == "Bearer other"


@pytest.mark.parametrize(
    "arguments",
    [
        ("fleet",),
        ("fleet", "prometheus:9090"),
        ("fleet", "http://x", "--by", "a-b"),
        ("fleet", "http://x", "--header", "nothing"),
        ("fleet", "http://x", "--token-file", "/nowhere"),
        ("fleet", "http://x", "--timeout", "0"),
    ],
)
def test_usage(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fleet", "http://x", "--dst", "10.0.0.9"),
        ("--fleet", "http://x", "--must-exist"),
        ("--fleet", "http://x", "-N", "all"),
        ("--header", "A: b"),
        ("--allow-gone",),
        ("--fleet", "x"),
    ],
)
def test_what_a_check_cannot_mean_is_unknown(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("check", *arguments).code == UNKNOWN


class TestCheck:
    def test_the_worst_tuple_of_all(self, run: Run, fake: Fake) -> None:
        ran = run("check", "--fleet", fake.url)
        assert ran.code == CRITICAL
        assert "EXHAUSTED" in ran.out
        assert "10.2.0.9:443" in ran.out
        assert "locked=100.00%;50;80;0;100 hosts=3" in ran.out

    @pytest.mark.parametrize(
        ("locked", "code"), [(0.499999, OK), (0.5, WARNING), (0.8, CRITICAL), (1.0, CRITICAL)]
    )
    def test_by_the_percentages(self, locked: float, code: int) -> None:
        found = fleet({**QUIET, "locked": ((CALM, locked),)})
        assert judge_fleet(found, 50, 80).code == code

    @pytest.mark.parametrize(
        "changed",
        [
            {"silent": (DOWN,)},
            {"silent": (GONE,)},
            *({"doubts": ((CALM, int(reason)),)} for reason in Doubt),
            {"hosts": (), "locked": ()},
            {"locked": ()},
            {"locked": ((CALM, 0.05), (BUSY, float("nan")))},
            {"findings": (({**BUSY, "code": "x", "severity": "warning"}, 1),)},
        ],
        ids=str,
    )
    def test_what_is_not_known_is_unknown(
        self, changed: Mapping[Asked, tuple[Series, ...]]
    ) -> None:
        answer = judge_fleet(fleet({**QUIET, **changed}), 50, 80)
        assert answer.code == UNKNOWN

    def test_what_is_known_to_be_bad_stays_so(self) -> None:
        assert judge_fleet(fleet({"silent": (DOWN,)}), 50, 80).code == CRITICAL

    def test_hosts_that_come_and_go(self) -> None:
        gone, down = fleet({**QUIET, "silent": (GONE,)}), fleet({**QUIET, "silent": (DOWN,)})
        assert judge_fleet(gone, 50, 80, allow_gone=True).code == OK
        assert judge_fleet(down, 50, 80, allow_gone=True).code == UNKNOWN

    def test_findings_only_when_asked(self) -> None:
        found = fleet({**QUIET, "findings": (({**CALM, "code": "x", "severity": "critical"}, 1),)})
        assert judge_fleet(found, 50, 80).code == OK
        assert judge_fleet(found, 50, 80, findings=True).code == CRITICAL

    def test_a_partial_answer_is_unknown(self, run: Run, fake: Fake) -> None:
        fake.found = answers(QUIET)
        assert run("check", "--fleet", fake.url).code == OK
        fake.found[queries.sizes(is_recorded=False)] = vector(warnings=["a store is down"])
        ran = run("check", "--fleet", fake.url)
        assert ran.code == UNKNOWN
        assert "a store is down" in ran.out

    def test_no_answer_is_unknown(self, run: Run, fake: Fake) -> None:
        fake.found = dict.fromkeys(answers(), b"<html>|\n")
        ran = run("check", "--fleet", fake.url)
        assert (ran.code, ran.out.count("\n"), ran.out.count("|")) == (UNKNOWN, 1, 0)

    def test_a_line_for_nagios_whatever_a_label_holds(self, run: Run, fake: Fake) -> None:
        evil = FULL | {"place": "a|b\n\x1b[31m"}
        fake.found = answers({"locked": ((evil, 1.0),)})
        ran = run("check", "--fleet", fake.url)
        assert (ran.out.count("\n"), ran.out.count("|"), ran.out.count("\x1b")) == (1, 1, 0)


def test_the_record_is_what_check_judges(run: Run, fake: Fake) -> None:
    record = json.loads(run("fleet", fake.url, "--json").out)
    assert record["places"][0]["locked_ratio"] == 1.0
