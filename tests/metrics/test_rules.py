"""What is shipped with the metrics: each alert fires on its case, and not on a near miss."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import ALL, fixture
from tests.metrics.prometheus import program
from tests.metrics.told import post
from tui.findings.codes import CODES
from tui.metrics.alerts import ALERTS, rules_text
from tui.metrics.exposition import Scrapes
from tui.metrics.grafana import VARIABLES, dashboard
from tui.metrics.names import METRICS
from tui.metrics.recorded import RECORDED

WHERE = 'instance="web-1:9815",job="twtop",place="web-1"'
ENDS = f'direction="outgoing",local_ip="10.0.0.5",remote_ip="10.0.0.9",remote_port="443",{WHERE}'
Series = dict[str, str]
"""A series, and its values minute by minute as promtool's tests write them."""


def pattern(locked: str, capacity: int = 1000) -> Series:
    return {
        f"twtop_pattern_ports_locked{{{ENDS}}}": locked,
        f"twtop_pattern_ports_capacity{{{ENDS}}}": f"{capacity}x30",
    }


def found(code: str, severity: str = "warning", values: str = "1x30") -> Series:
    return {f'twtop_findings{{code="{code}",severity="{severity}",{WHERE}}}': values}


class Case(NamedTuple):
    """Series, and whether and how gravely the alert fires at the end of the minute `at`."""

    alert: str
    series: Series
    fires: bool
    at: int = 12
    gravest: str = "warning"


SEEN = {
    'up{job="twtop",instance="web-1:9815"}': "1x30",
    f"twtop_reading_success{{{WHERE}}}": "1x30",
    f"twtop_reading_complete{{{WHERE}}}": "1x30",
    'twtop_places_complete{instance="web-1:9815",job="twtop"}': "1x30",
    f"twtop_sysctls_assumed{{{WHERE}}}": "0x30",
    f"twtop_reading_timestamp_seconds{{{WHERE}}}": "0+60x30",
}
LEFT = f"twtop_pattern_exhaustion_seconds{{{ENDS}}}"
FULL = f'twtop_patterns{{band="full",{WHERE}}}'
CASES = (
    Case("TwtopPortsExhausted", pattern("1000x30"), True, at=0, gravest="critical"),
    Case("TwtopPortsExhausted", pattern("999x30"), False),
    Case("TwtopPortsExhausted", pattern("0x30", capacity=0), True, at=0, gravest="critical"),
    # left out, and full nevertheless
    Case("TwtopPortsExhausted", {FULL: "2x30"}, True, at=0, gravest="critical"),
    Case("TwtopPortsExhausted", {FULL: "0x30"}, False),
    Case("TwtopPortsExhaustSoon", {LEFT: "599x30"}, True, at=0),
    Case("TwtopPortsExhaustSoon", {LEFT: "60x30"}, True, at=0),
    Case("TwtopPortsExhaustSoon", {LEFT: "59x30"}, True, at=0, gravest="critical"),
    Case("TwtopPortsExhaustSoon", {LEFT: "600x30"}, False),
    Case("TwtopPortsExhaustSoon", {LEFT: "0x30"}, False),  # it is, and has an alert of its own
    Case("TwtopPortsExhaustSoon", {LEFT: "1e9x30"}, False),
    Case(
        "TwtopPortsAboveThreshold",
        found("ports-above-threshold", "critical"),
        True,
        at=1,
        gravest="critical",
    ),
    Case("TwtopPortsAboveThreshold", found("ports-above-threshold", "critical"), False, at=0),
    Case("TwtopPortsAboveThreshold", found("connect-slow"), False),
    Case("TwtopCriticalFinding", found("listener-gone", "critical"), True, gravest="critical"),
    Case("TwtopCriticalFinding", found("listener-gone"), False),
    *(
        Case("TwtopCriticalFinding", found(code, "critical"), False)
        for code in ("ports-above-threshold", "exhausts-soon", "listen-overflow")
    ),
    Case("TwtopConnectSlow", pattern("500x30"), True),
    Case("TwtopConnectSlow", pattern("499x30"), False),
    Case("TwtopConnectSlow", pattern("1000x30"), False),
    Case("TwtopConnectSlow", pattern("500x30"), False, at=1),
    Case("TwtopBindFirst", found("bind-before-connect"), True),
    Case("TwtopBindFirst", found("bind-before-connect", "critical"), True, gravest="critical"),
    Case("TwtopBindFirst", found("bind-before-connect", values="1x3 stale"), False),
    Case("TwtopCloseWaitLeak", found("close-wait-held", "critical"), True, gravest="critical"),
    Case("TwtopCloseWaitLeak", found("close-wait-held"), True),
    # Graver since the fifth minute: the warning does not begin anew.
    Case(
        "TwtopCloseWaitLeak",
        found("close-wait-held", values="1x4 stale")
        | found("close-wait-held", "critical", "_x4 1x30"),
        True,
    ),
    Case("TwtopCloseWaitLeak", found("close-wait-held"), False, at=9),
    Case("TwtopAcceptQueueFull", found("listen-queue-full", "critical"), True, gravest="critical"),
    Case("TwtopAcceptQueueFull", found("listen-overflow"), True),
    Case("TwtopAcceptQueueFull", found("listen-overflow", "info"), False),
    Case("TwtopTimeWaitSkipped", found("time-wait-overflow"), True),
    Case("TwtopTimeWaitSkipped", found("time-wait-overflow", "info"), False),
    Case("TwtopConntrackNearMax", found("conntrack-near-max"), True),
    Case(
        "TwtopConntrackNearMax", found("conntrack-near-max", "critical"), True, gravest="critical"
    ),
    Case("TwtopConntrackNearMax", found("conntrack-near-max", "info"), False),
    Case("TwtopNatClashes", found("snat-clashes"), True),
    Case("TwtopNatClashes", found("snat-clashes", "info"), False),
    Case("TwtopBlind", SEEN, False),
    *(
        Case("TwtopBlind", SEEN | {name: values}, True, at=20)
        for name, values in zip(SEEN, ("0x30", "0x30", "0x30", "0x30", "1x30", "0x30"), strict=True)
    ),
    Case("TwtopBlind", SEEN | {f"twtop_reading_complete{{{WHERE}}}": "1x3 0x3 1x30"}, False),
)


def promtool(*arguments: object, stdin: str | None = None) -> str:
    """What it prints where it finds nothing wrong."""
    ran = subprocess.run(
        [program("promtool"), *map(str, arguments)], input=stdin, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yml"
    path.write_text(rules_text())
    return path


class TestPromtool:
    @pytest.mark.parametrize("name", ALL)
    def test_it_finds_nothing_wrong_with_the_metrics(self, name: str) -> None:
        text = Scrapes([post(fixture(name))], 0.0, walks=False).text().decode()
        assert promtool("check", "metrics", stdin=text) == ""

    def test_it_can_read_every_rule(self, rules: Path) -> None:
        assert f"{len(ALERTS) + len(RECORDED)} rules found" in promtool("check", "rules", rules)

    @pytest.mark.parametrize("alert", sorted({alert.name for alert in ALERTS}))
    def test_it_fires_on_its_case_and_not_on_the_near_miss(self, alert: str, rules: Path) -> None:
        cases = [case for case in CASES if case.alert == alert]
        assert {case.fires for case in cases} == {True, False}
        for number, case in enumerate(cases):
            test = rules.with_name(f"{number}.yml")
            # Nothing is expected that fires, of an alert with whatever labels: so it must fail.
            test.write_text(json.dumps({"rule_files": [str(rules)], "tests": [_unfired(case)]}))
            ran = subprocess.run(
                [program("promtool"), "test", "rules", test], capture_output=True, text=True
            )
            assert (ran.returncode != 0) == case.fires, (case, ran.stdout, ran.stderr)
            if case.fires:
                assert f'alertname="{alert}"' in ran.stdout + ran.stderr
                is_critical = 'severity="critical"' in ran.stdout + ran.stderr
                assert is_critical == (case.gravest == "critical"), case
                assert "error expanding template" not in ran.stdout + ran.stderr

    def test_it_can_read_every_query_of_the_dashboard(self, tmp_path: Path) -> None:
        queries = [query for query in _queries(dashboard()) if "label_values" not in query]
        known = [re.sub(r"\$\w+", "5m", query) for query in queries]
        rules = [{"record": f"q{number}", "expr": query} for number, query in enumerate(known)]
        path = tmp_path / "queries.yml"
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        assert f"{len(queries)} rules found" in promtool("check", "rules", path)

    def test_the_recording_rules_keep_the_worst_of_each_host_and_job(self, rules: Path) -> None:
        values = {
            f'{name}{{instance="{host}",job="twtop",place="{place}"{more}}}': f"{value}x9"
            for name, more, worst in (
                ("twtop_patterns_locked_max_ratio", "", (0.5, 0.7, 0.9)),
                ("twtop_patterns_exhaustion_min_seconds", "", (90, 60, 30)),
                ("twtop_sockets", ',state="LISTEN"', (1, 2, 4)),
            )
            for (host, place), value in zip(
                (("a", "a"), ("a", "pod"), ("b", "b")), worst, strict=True
            )
        }
        expected: dict[str, dict[str | None, float]] = {
            "instance:twtop_patterns_locked:max_ratio": {"a": 0.7, "b": 0.9},
            "job:twtop_patterns_locked:max_ratio": {None: 0.9},
            "instance:twtop_patterns_exhaustion:min_seconds": {"a": 60, "b": 30},
            "job:twtop_sockets:sum": {None: 7},
        }
        assert expected.keys() <= {name for name, _ in RECORDED}, (
            "those of the fleet have tests of their own"
        )
        tests: list[dict[str, Any]] = [
            {
                "expr": name,
                "eval_time": "5m",
                "exp_samples": [
                    {"labels": f"{name}{{{', '.join(_of(name, host))}}}", "value": value}
                    for host, value in of.items()
                ],
            }
            for name, of in expected.items()
        ]  # fmt: skip
        test = rules.with_name("recorded.yml")
        one = {"interval": "1m", "input_series": _input(values), "promql_expr_test": tests}
        test.write_text(json.dumps({"rule_files": [str(rules)], "tests": [one]}))
        promtool("test", "rules", test)


def _of(name: str, host: str | None) -> Iterable[str]:
    yield 'job="twtop"'
    if host is not None:
        yield f'instance="{host}"'
    if "sockets" in name:
        yield 'state="LISTEN"'


def _input(series: Series) -> list[dict[str, str]]:
    return [{"series": name, "values": values} for name, values in series.items()]


def _unfired(case: Case) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": _input(case.series),
        "alert_rule_test": [
            {"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": []}
        ],
    }


class TestTheTexts:
    """Without promtool."""

    def test_every_metric_that_is_asked_for_exists(self) -> None:
        names = {one.name for one in METRICS} | {name for name, _ in RECORDED}
        asked = [alert.expression for alert in ALERTS] + [text for _, text in RECORDED]
        for text in (*asked, *_queries(dashboard())):
            assert set(re.findall(r"\b(?:\w+:)?twtop_\w+(?::\w+)?", text)) <= names, text

    def test_every_label_that_is_asked_for_exists(self) -> None:
        labels = {label for one in METRICS for label in one.labels} | {"instance", "job"}
        asked = [alert.expression for alert in ALERTS]
        for text in (*asked, *_queries(dashboard())):
            for matchers in re.findall(r"{([^{}]*)}", text):
                assert set(re.findall(r"(\w+)=~?", matchers)) <= labels, text

    def test_every_code_is_one_of_the_findings(self) -> None:
        for alert in ALERTS:
            named = re.findall(r'code=~?"([^"]*)"', alert.expression)
            own = {alert.finding} - {"{{ $labels.code }}"}
            assert own.union(*(codes.split("|") for codes in named)) <= set(CODES)

    def test_every_critical_finding_has_an_alert(self) -> None:
        """Of its own, or that of all others; never both."""
        stated = "\n".join(alert.expression for alert in ALERTS)
        (left_out,) = re.findall(r'severity="critical",code!~"([^"]*)"', stated)
        own = {alert.finding for alert in ALERTS} - {"{{ $labels.code }}", "incomplete-table"}
        assert set(left_out.split("|")) == own | {"listen-overflow"}

    def test_the_runbooks_are_the_findings_words(self) -> None:
        """Each has a sentence of the finding's rule, and what to do."""
        for alert in ALERTS:
            assert alert.meaning in rules_text()
            assert "1. " in alert.runbook
            assert "twtop audit" in alert.runbook

    def test_grafana_gets_each_panel_a_place_of_its_own(self) -> None:
        taken: set[tuple[int, int]] = set()
        for panel in dashboard()["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert not cells & taken
            assert at["x"] + at["w"] <= 24
            taken |= cells

    def test_grafana_knows_every_variable(self) -> None:
        known = {name for name, _ in VARIABLES} | {"datasource", "__rate_interval"}
        text = json.dumps(dashboard())
        assert set(re.findall(r"\$\{?(\w+)", text)) - {"__all"} == known


def _queries(board: dict[str, Any]) -> Iterable[str]:
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    for _, query in VARIABLES:
        yield query


def test_grafanas_own_schema_knows_all_of_the_dashboard() -> None:
    """What its classic schema does not know, or takes for something else, would be lost."""
    schema = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    encoder = pytest.importorskip("grafana_foundation_sdk.cog.encoder").JSONEncoder()
    read = json.loads(encoder.encode(schema.Dashboard.from_json(dashboard())))

    def lost(ours: Any, theirs: Any, where: str = "") -> list[str]:
        if isinstance(ours, dict):
            return [
                one
                for key, value in ours.items()
                for one in lost(value, theirs.get(key), f"{where}/{key}")
            ]
        if isinstance(ours, list):
            pairs = enumerate(zip(ours, theirs, strict=True))
            return [one for at, pair in pairs for one in lost(*pair, f"{where}/{at}")]
        return [] if ours == theirs else [where]

    assert lost(dashboard(), read) == []


def test_systemd_finds_nothing_wrong_with_the_unit(run: Run, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    unit = tmp_path / "twtop-metrics.service"
    text = run("metrics", "--unit").out
    unit.write_text(re.sub("ExecStart=[^ ]*", "ExecStart=/bin/true", text))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    assert unit.name not in ran.stderr, ran.stderr


def test_they_are_printed_without_reading_anything(run: Run, reads: list[Path]) -> None:
    assert run("metrics", "--rules").out == rules_text()
    assert json.loads(run("metrics", "--dashboard").out) == dashboard()
    assert "metrics -N all --listen 127.0.0.1:" in run("metrics", "--unit").out
    assert reads == []
