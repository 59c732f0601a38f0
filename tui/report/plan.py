"""A Plan as text or as JSON: today, each remedy, combinations, and what is refused."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import asdict
from itertools import chain
from typing import Any

from tui.analysis.frame import Frame
from tui.analysis.patterns import NO_PORT, endpoint
from tui.analysis.ports import slower, times_slower
from tui.analysis.timewait import RECENT
from tui.planning.demand import Estimate
from tui.planning.remedies import Option, Plan
from tui.planning.setting import Fit
from tui.planning.widening import HIGHEST, LOWEST
from tui.report.records import finite, head
from tui.writing.layout import Paint, wrapped

SCHEMA = "twtop.plan/1"
NARROWEST, WIDEST = 72, 120
"""Columns between which the text keeps, whatever the terminal has."""
NUMBERS = 44
"""Columns that a table's row takes beside the name."""

VERDICTS = {
    Fit.WORKS: ("works", "green"),
    Fit.SLOW: ("slow", "yellow"),
    Fit.FAILS: ("fails", "red"),
}
LEGEND = (
    "works: needs at most half of the ports. slow: enough ports, but past half of them connect() "
    "takes {} with today's range, {} with the widest. fails: too few ports, "
    "EADDRNOTAVAIL. Fast to: up to this rate (connections/s) it works. At most: above this rate "
    "it fails."
)
FOOTER = (
    "sysctl and ip affect the network namespace they run in (nsenter -t PID -n), until the next "
    "reboot; /etc/sysctl.d keeps a setting. Ports are an upper bound: clients that bind before "
    "they connect take some that cannot be seen."
)
PAIRS = " For a pair, run the commands of both."
RATE_FROM = {
    "given": "given",
    "last seconds": f"closed in the last {RECENT} s",
    "busiest seconds": f"of the busiest {RECENT} s of the last minute",
    "none closes": "none closes",
}
LIFETIME_FROM = {"given": "given", "live": "from those open now", "assumed": "assumed"}


def to_json(plan: Plan, estimate: Estimate, frame: Frame) -> str:
    """Return the plan made for a frame as one JSON object in a line."""
    return json.dumps(to_dict(plan, estimate, frame), ensure_ascii=False)


def to_dict(plan: Plan, estimate: Estimate, frame: Frame) -> dict[str, Any]:
    """Return the plan as plain Python data; a rate without a limit is None."""
    load, facts = plan.load, plan.facts
    return {
        **head(frame, SCHEMA),
        "load": {
            "local_ip": facts.local_ip,
            "remote_ip": facts.remote_ip,
            "remote_port": facts.remote_port,
            "rate": round(load.rate, 3),
            "rate_from": estimate.rate_from,
            "lifetime": round(load.lifetime, 6),
            "lifetime_from": estimate.lifetime_from,
            "held": load.held,
            "notes": list(estimate.notes),
        },
        "today": _record(plan, plan.today),
        "options": [_record(plan, option) for option in plan.options],
        "refused": [asdict(each) for each in plan.refused],
    }


def _record(plan: Plan, option: Option) -> dict[str, Any]:
    setting, outcome = option.setting, option.outcome
    return {
        "code": option.code,
        "name": option.name,
        "verdict": outcome.verdict.name.lower(),
        "ports_needed": outcome.needed,
        "capacity": outcome.capacity,
        "utilization": round(outcome.utilization, 6),
        "sustainable_rate": finite(outcome.sustainable_rate),
        "fast_rate": finite(outcome.fast_rate),
        "ports_per_tuple": setting.ports,
        "tuples": setting.tuples,
        "hold_seconds": round(setting.held(plan.load.lifetime), 6),
        "requests_per_connection": finite(setting.requests),
        "commands": list(option.commands),
        "requires": option.requires,
        "wrong_when": option.wrong_when,
        "note": option.note,
    }


def to_text(plan: Plan, estimate: Estimate, paint: Paint, width: int = 80) -> str:
    """Return the plan for people, within ``width`` columns; commands alone may be longer."""
    width = min(max(width, NARROWEST), WIDEST)
    refused = chain(*(_labelled(f"{one.name}: {one.why}", width, "  – ") for one in plan.refused))
    blocks = [
        _heading(plan, estimate, paint, width),
        _table(plan, paint, width),
        # What a pair needs, its halves have said.
        *(_details(option, paint, width) for option in plan.options if "+" not in option.code),
        "\n".join([paint("What does not help, or is unsafe", "bold"), *refused]),
        "\n".join(wrapped(FOOTER, width, "")),
    ]
    return "\n\n".join(blocks)


def _heading(plan: Plan, estimate: Estimate, paint: Paint, width: int) -> str:
    load, rules = plan.load, plan.facts.rules
    held = plan.facts.hold(rules)
    until = f"until tcp_tw_reuse={rules.reuse_mode} gives it back"
    if held.late:
        until = f"in TIME-WAIT (the kernel's timer may end late, so {round(held.longest)} s count)"
    lines = [
        paint(f"twtop plan · {ends(plan)}", "bold"),
        *wrapped(
            f"{plain_number(load.rate)} new connections/s ({RATE_FROM[estimate.rate_from]}), each "
            f"open for {plain_number(load.lifetime)} s ({LIFETIME_FROM[estimate.lifetime_from]}); "
            f"then its port waits {held} {until}. Needs "
            f"{plan.today.outcome.needed:,} ports, has {plan.today.outcome.capacity:,}.",
            width,
            "",
        ),
    ]
    for note in estimate.notes:
        lines += (paint(line, "yellow") for line in wrapped(note, width, ""))
    return "\n".join(lines)


def ends(plan: Plan) -> str:
    """Return the tuple that the plan is for, as far as it is known."""
    facts = plan.facts
    port = NO_PORT if facts.remote_port is None else facts.remote_port
    if facts.remote_ip:
        remote = endpoint(facts.remote_ip, port)
    else:
        remote = "any one destination" if port == NO_PORT else f"port {port}"
    return f"{facts.local_ip or 'one source'} → {remote}"


def plain_number(value: float) -> str:
    """Return three digits of a small number, and the whole of a large one."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(plan: Plan, paint: Paint, width: int) -> str:
    options = (plan.today, *plan.options)
    name = min(max(len(option.name) for option in options), width - NUMBERS)
    lines = [f"{'':<{name}}  needed   ports   use fast to at most"]
    for option in options:
        outcome = option.outcome
        word, colour = VERDICTS[outcome.verdict]
        *above, last = textwrap.wrap(option.name, name, subsequent_indent="  ")
        lines += (paint(line, colour) for line in above)
        line = (
            f"{last:<{name}} {short_number(outcome.needed):>7} {short_number(outcome.capacity):>7} "
            f"{share_text(outcome.utilization):>5} {short_number(outcome.fast_rate):>7} "
            f"{short_number(outcome.sustainable_rate):>7} {word}"
        )
        lines.append(paint(line, colour))
    now, widest = slower(plan.today.setting.ports), str(times_slower(HIGHEST - LOWEST + 1))
    if not now.startswith("about"):
        widest = f"about {widest} times longer"
    legend = LEGEND.format(now, widest) + PAIRS * any("+" in option.code for option in options)
    return "\n".join([*lines, "", *wrapped(legend, width, "")])


def short_number(value: float) -> str:
    """Return a number in at most seven columns; what no number limits is –."""
    if math.isinf(value):
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:,.1f}{unit}"
    return plain_number(value)


def share_text(share: float) -> str:
    """Return a share in at most five columns."""
    return f"{share:.0%}" if share < 100 else f"×{share:.0f}" if share < 10_000 else "–"


def _details(option: Option, paint: Paint, width: int) -> str:
    word, colour = VERDICTS[option.outcome.verdict]
    lines = [f"{paint(option.name, 'bold')}: {paint(word, colour)}"]
    lines += (f"  {'' if line.startswith('#') else '$ '}{line}" for line in option.commands)
    lines += _labelled(option.requires, width, "  needs     ")
    lines += _labelled(option.wrong_when, width, "  wrong if  ")
    if option.note:
        lines += _labelled(option.note, width, "  less      ")
    return "\n".join(lines)


def _labelled(text: str, width: int, label: str) -> list[str]:
    """Return the text's lines, the first behind the label and the others below its end."""
    return wrapped(text, width, label, " " * len(label))
