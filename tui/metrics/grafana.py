"""A dashboard for Grafana, in its classic schema: the fleet, one host, one pattern."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

HOST = 'instance=~"$instance",place=~"$place"'
ONE = f'{HOST},remote_ip=~"$remote_ip",remote_port=~"$remote_port"'
WIDTH, HEIGHT = 12, 8
"""Of a panel; Grafana's grid is 24 wide."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """One graph or table."""

    title: str
    unit: str
    """As Grafana calls it."""
    queries: tuple[tuple[str, str], ...]
    """Expressions, each with its legend."""
    kind: str = "timeseries"


ROWS: dict[str, tuple[Panel, ...]] = {
    "Fleet": (
        Panel(
            "Fullest tuple of each host (locked ports)",
            "percentunit",
            (("topk(20, max by (instance, place) (twtop_patterns_locked_max_ratio))", ""),),
        ),
        Panel(
            "First to run out",
            "s",
            (("bottomk(20, twtop_patterns_exhaustion_min_seconds < +Inf)", ""),),
            "table",
        ),
        Panel(
            "Findings",
            "short",
            (('sum by (code, severity) (twtop_findings{severity!="info"})', "{{code}}"),),
        ),
        Panel(
            "Hosts not fully read",
            "short",
            (("twtop_reading_success == 0 or twtop_reading_complete == 0", ""),),
            "table",
        ),
    ),
    "One host: $instance": (
        Panel(
            "Ports locked, by pattern",
            "percentunit",
            (
                (
                    f"twtop_pattern_ports_locked{{{HOST}}}"
                    f" / twtop_pattern_ports_capacity{{{HOST}}}",
                    "{{local_ip}} → {{remote_ip}}:{{remote_port}}",
                ),
            ),
        ),
        Panel("Sockets by state", "short", ((f"twtop_sockets{{{HOST}}}", "{{state}}"),)),
        Panel(
            "TIME-WAIT and closings",
            "short",
            (
                (f"twtop_time_wait_sockets{{{HOST}}}", "TIME-WAIT"),
                (f"twtop_closings_per_second{{{HOST}}}", "closings/s"),
            ),
        ),
        Panel(
            "Patterns by port use",
            "short",
            (
                (f"twtop_patterns{{{HOST}}}", "{{band}}"),
                (f"twtop_patterns_left_out{{{HOST}}}", "without series"),
            ),
        ),
        Panel(
            "Ports of the range",
            "short",
            (
                (f"twtop_ports_capacity{{{HOST}}}", "capacity"),
                (f"twtop_ports_reserved{{{HOST}}}", "reserved"),
                (f"twtop_ports_excluded{{{HOST}}}", "bound"),
            ),
        ),
        Panel(
            "Cost and gaps of twtop's reading",
            "s",
            (
                ('twtop_scrape_duration_seconds{instance=~"$instance"}', "time per reading"),
                (
                    f"increase(twtop_readings_incomplete_total{{{HOST}}}[$__rate_interval])",
                    "incomplete readings",
                ),
            ),
        ),
    ),
    "One pattern: $remote_ip port $remote_port": (
        Panel(
            "Ports",
            "short",
            (
                (f"twtop_pattern_ports_capacity{{{ONE}}}", "capacity of {{local_ip}}"),
                (f"twtop_pattern_ports_in_use{{{ONE}}}", "in use by {{local_ip}}"),
                (f"twtop_pattern_ports_locked{{{ONE}}}", "locked by {{local_ip}}"),
            ),
        ),
        Panel("Out of ports in", "s", ((f"twtop_pattern_exhaustion_seconds{{{ONE}}} < +Inf", ""),)),
        Panel("Who", "short", ((f"twtop_pattern_info{{{ONE}}}", ""),), "table"),
    ),
}

VARIABLES = (
    ("instance", "label_values(twtop_sockets, instance)"),
    ("place", 'label_values(twtop_sockets{instance=~"$instance"}, place)'),
    ("remote_ip", f"label_values(twtop_pattern_ports_capacity{{{HOST}}}, remote_ip)"),
    (
        "remote_port",
        f'label_values(twtop_pattern_ports_locked{{{HOST},remote_ip=~"$remote_ip"}}, remote_port)',
    ),
)
"""Names and queries of what can be chosen above the panels, each by those before it."""


def dashboard_text() -> str:
    """Return the dashboard as JSON, to be imported."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False)


def dashboard() -> dict[str, Any]:
    """Return the dashboard as plain data."""
    return {
        "title": "twtop: ephemeral ports",
        "uid": "twtop",
        "tags": ["twtop"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_datasource(), *(_variable(*one) for one in VARIABLES)]},
        "panels": _panels(),
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "current": {}}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # whenever the time range changes
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> list[dict[str, Any]]:
    """Return each row's heading and its panels, two side by side."""
    made: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": top, "w": 2 * WIDTH, "h": 1}
        made.append({"id": len(made) + 1, "type": "row", "title": title, "gridPos": place})
        top += 1
        for number, panel in enumerate(row):
            x, y = number % 2 * WIDTH, top + number // 2 * HEIGHT
            place = {"x": x, "y": y, "w": WIDTH, "h": HEIGHT}
            made.append({"id": len(made) + 1, "gridPos": place, **_panel(panel)})
        top += (len(row) + 1) // 2 * HEIGHT
    return made


def _panel(panel: Panel) -> dict[str, Any]:
    table = panel.kind == "table"
    ends: dict[str, Any] = {"min": 0, "max": 1} if panel.unit == "percentunit" else {"min": 0}
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, **ends}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend or "__auto",
                "instant": table,
                "format": "table" if table else "time_series",
            }
            for number, (expression, legend) in enumerate(panel.queries)
        ],
    }
