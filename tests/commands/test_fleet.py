"""twtop fleet --json and check --fleet: what is not known is never OK."""

import json
import os
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
    sizes,
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


def test_a_token_through_a_pipe_is_there_for_every_request(run: Run, fake: Fake) -> None:
    """As the shell makes one of <(command): what was read from it is gone."""
    end, other = os.pipe()
    os.write(other, b"secret\n")
    os.close(other)
    try:
        assert run("fleet", fake.url, "--json", "--token-file", f"/dev/fd/{end}").code == 0
    finally:
        os.close(end)
    assert len(fake.headers) > 1
    assert {sent["Authorization"] for sent in fake.headers} == {"Bearer secret"}


def test_a_token_file_without_a_token_is_refused(run: Run, fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    for path in (tmp_path / "token", Path("/dev/null")):
        ran = run("fleet", fake.url, "--json", "--token-file", path)
        assert (ran.code, ran.out, ran.err.count("\n"), fake.headers) == (2, "", 1, [])
        assert "contains no token" in ran.err


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

    def test_text_and_data_are_of_one_tuple_and_of_its_locked_ports(self) -> None:
        """Not of what is in use, nor of a quiet tuple that keeps its series for an hour."""
        quiet = fleet({**QUIET, "locked": ((CALM, 0.002),)}, sizes(CALM, "10.9.0.7", 0, 1000, 0))
        answer = judge_fleet(quiet, 50, 80)
        assert "10.9.0.7" not in answer.text
        assert "0.2%" in answer.text
        assert "locked=0.20%" in answer.perfdata
        busy = judge_fleet(fleet({**QUIET, "locked": ((BUSY, 0.9),)}), 50, 80)
        assert "10.9.0.4:443 has 90.0% of 1,000 ports" in busy.text
        assert "locked=90.00%" in busy.perfdata

    @pytest.mark.parametrize("own", [True, False])
    def test_what_will_be_full_soon_is_told(self, own: bool) -> None:
        """Also where it is not the worst tuple now."""
        left = {**QUIET, "locked": ((FULL, 0.95), (BUSY, 0.9)), "left": ((BUSY, 120.0),)}
        tuples = sizes(BUSY, "10.9.0.4", 900, 1000, 900, 120.0 if own else 1e9)
        answer = judge_fleet(fleet(left, tuples), 50, 99)
        assert "in 2 min" in answer.text
        assert ("gw-2:9815: 10.0.0.5 → 10.9.0.4:443 will" in answer.text) == own
        assert " in 2 min" not in judge_fleet(fleet(left, tuples), 50, 99, within=119).text

    def test_how_soon_is_configured(self, run: Run, fake: Fake, home: Path) -> None:
        fake.found = answers({"locked": ((BUSY, 0.9),)})
        assert "will be full in 2 min" in run("check", "--fleet", fake.url).out
        (home / "config/twtop").mkdir(parents=True)
        (home / "config/twtop/config.toml").write_text("[ports]\nexhausts_within_minutes = 1\n")
        assert "will be full" not in run("check", "--fleet", fake.url).out

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
