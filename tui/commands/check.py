"""twtop check: one line for Nagios and Icinga."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tui.analysis.bounds import could_reach
from tui.analysis.doubts import uncounted
from tui.analysis.judgement import SLOW_PERCENT
from tui.commands.configuration import load
from tui.commands.destination import Address, destination, destination_options, ends_text
from tui.commands.options import Settings, given, look_options, percent, recording_options
from tui.commands.output import emit, unknown
from tui.commands.prometheus import address, prometheus_options
from tui.commands.reading import (
    Look,
    judge_now,
    owners_of,
    recorded_looks,
    refuse_live,
    source_of,
    take_look,
)
from tui.findings.baseline import BaselineError, baseline_path, load_baseline
from tui.findings.config import Config, ConfigError
from tui.kernel.find_place import ALL, same_place
from tui.kernel.glance import Glance, glance
from tui.kernel.sockets import TableError
from tui.kernel.survey import survey
from tui.planning.demand import outgoing
from tui.report.answer import OK, UNKNOWN, Answer, judge_fullest, with_findings, worst_of
from tui.writing.words import local, written

if TYPE_CHECKING:
    from tui.findings.finding import Finding
    from tui.fleet.client import Address as FleetAddress

EPILOG = (
    "Exit codes, those of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, "
    "3 UNKNOWN (the kernel's tables could not be read, or the options are wrong)."
)


@click.command(epilog=EPILOG)
@click.option(
    "-w",
    "--warning",
    callback=percent,
    metavar="PERCENT",
    help="Warn when this much of a tuple's capacity is locked; from 50 on connect() is slow.  "
    "[default: 50]",
)
@click.option(
    "-c",
    "--critical",
    callback=percent,
    metavar="PERCENT",
    help="Critical when this much of it is locked.  [default: the threshold, -t]",
)
@destination_options
@click.option(
    "--must-exist", is_flag=True, help="UNKNOWN if there is no outgoing connection to judge."
)
@click.option(
    "--also",
    type=click.Choice(["findings"]),
    help="Also judge what `twtop audit` finds on this host, for any destination: critical "
    "findings are CRITICAL, warnings WARNING.",
)
@click.option(
    "--fleet",
    metavar="URL",
    help="Judge all hosts whose `twtop metrics` the Prometheus there scrapes, not this one. Silent "
    "hosts make it UNKNOWN instead of OK.",
)
@click.option(
    "--allow-gone",
    is_flag=True,
    help="With --fleet: ignore hosts that are no longer scraped, where hosts come and go.",
)
@prometheus_options
@recording_options
@look_options
@click.pass_context
def check(
    context: click.Context,
    /,
    warning: float | None,
    critical: float | None,
    dst: Address | None,
    dport: int | None,
    src: Address | None,
    must_exist: bool,
    also: str | None,
    fleet: str | None,
    allow_gone: bool,
    headers: tuple[str, ...],
    token_file: Path | None,
    timeout: float | None,
    **options: Any,
) -> None:
    """Judge the fullest tuple in one line with performance data, for Nagios and Icinga.

    A tuple is a local IP, a remote IP and a remote port; each has all the ephemeral ports to
    itself. It is judged by its locked ports: those in use, except TIME-WAITs that tcp_tw_reuse lets
    connect() take over. A tuple with no port left is critical, whatever the percentages. Incoming
    connections are not judged: they use their peers' ports. If sysctls or part of the table could
    not be read, the answer is UNKNOWN instead of OK. With -N all, the worst place decides.

    With --also findings, findings count too, and the gravest is named. Those silenced in
    ~/.config/twtop/config.toml do not count. With --from, a recorded moment is judged instead, and
    its time is told; if nothing was recorded for 15 s before it, or damage may hide what was, the
    answer is UNKNOWN instead of OK. Without --at the last moment stands for now, so it is UNKNOWN
    too if that is more than 5 minutes and 3 intervals old.

    \b
    twtop check --also findings
    twtop check --dst 10.0.0.9:5432 -w 50 -c 80
    twtop check -N all
    twtop check --from web-1.twtop --at 03:12
    twtop check --fleet http://prometheus:9090
    """
    settings = given(context, options)
    try:
        config = load(settings)
    except ConfigError as error:
        unknown(str(error))
    critical = config.ports.threshold if critical is None else critical
    warning = min(SLOW_PERCENT, critical) if warning is None else warning
    if warning > critical:
        raise click.UsageError(f"-w {written(warning)} is above -c {written(critical)}")
    if fleet is not None:
        others = [one for one in settings.said if one != "--threshold"]
        if any((dst, dport, src, must_exist, others, settings.recording, settings.at)):
            raise click.UsageError("--fleet judges all hosts by their worst tuple: give no other")
        where = address(fleet, headers, token_file, timeout)
        soon = 60 * config.ports.exhausts_within_minutes
        finish(
            _fleet(
                where, warning, critical, findings=bool(also), allow_gone=allow_gone, within=soon
            )
        )
    if any((headers, token_file, timeout, allow_gone)):
        raise click.UsageError("--header, --token-file, --timeout, --allow-gone go with --fleet")
    ends = destination(dst, dport, src)
    named = ends_text(*ends)
    none = f"no outgoing connections {named}" if named else "no outgoing connections"

    def judged(look: Look) -> Answer:
        frame, limits = look.frame, config.bind_first
        found = outgoing(frame, *ends)
        answer = judge_fullest(frame, found, warning, critical, limits, none, must_exist=must_exist)
        if also:
            findings = _diagnosed(look, config.with_threshold(critical))
            answer = with_findings(answer, findings, uncounted(frame))
        return _as_recorded(answer, look) if look.origin is not None else answer

    def is_fine(seen: Glance) -> bool:
        if also or (must_exist and seen.sockets):
            return False
        sure = seen.sockets == 0 or not seen.rules.assumed
        return sure and not could_reach(seen, critical, warning)

    try:
        if settings.place == ALL and settings.recording is not None:
            refuse_live(settings)
            verdict = _check_recorded(settings.recording, settings.at, judged)
        elif settings.place == ALL:
            verdict = check_all(settings, judged, is_fine)
        else:
            verdict = judged(take_look(settings, as_now=True))
    except (TableError, BaselineError, OSError) as error:
        unknown(str(error))
    finish(verdict)


def _as_recorded(answer: Answer, look: Look) -> Answer:
    """Return an answer with the time it is of; what is doubtful of it is no OK."""
    text = f"{answer.text}; recorded {local(look.frame.time)}"
    if said := (*look.doubts, *look.notes):
        text += f" ({'; '.join(said)})"
    code = UNKNOWN if look.doubts and answer.code == OK else answer.code
    return answer._replace(code=code, text=text)


def _check_recorded(path: Path, at: str | None, judged: Callable[[Look], Answer]) -> Answer:
    """Return the worst answer of all places that were there at a moment. Raises TableError."""
    answers = []
    for look in recorded_looks(path, at, as_now=True):
        place = look.frame.reading.place
        answer = judged(look)
        answers.append(answer._replace(text=f"{place.called}: {answer.text}"))
    if not answers:
        return Answer(UNKNOWN, "no place was recorded then", "")
    return worst_of(answers, fine=0, count=len(answers))


def finish(verdict: Answer) -> NoReturn:
    """Print the answer, and end with its code."""
    emit(verdict.line, unwritable=UNKNOWN)
    sys.exit(verdict.code)


def _fleet(
    where: FleetAddress,
    warning: float,
    critical: float,
    *,
    findings: bool,
    allow_gone: bool,
    within: float,
) -> Answer:
    """Return the answer about a whole fleet; UNKNOWN where Prometheus gives none."""
    from tui.commands.fleet_check import check_fleet
    from tui.fleet.client import FleetError

    try:
        return check_fleet(
            where, warning, critical, findings=findings, allow_gone=allow_gone, within=within
        )
    except FleetError as error:
        unknown(str(error))


def _diagnosed(look: Look, config: Config) -> tuple[Finding, ...]:
    """Return what audit finds there. Raises BaselineError."""
    # A check of the ports alone runs each minute on every host, and pays for no rule.
    from tui.findings.rules import diagnose
    from tui.findings.situation import Situation

    known = load_baseline(baseline_path())
    return diagnose(Situation(look.frame, look.owners(), look.trends, config, known))


def check_all(
    settings: Settings, judged: Callable[[Look], Answer], is_fine: Callable[[Glance], bool]
) -> Answer:
    """Return the worst answer of all places; ``is_fine`` says which need not be dumped.

    What cannot be read, or may be missing, is UNKNOWN. Raises TableError.
    """
    found = survey(settings.proc)
    answers = [Answer(UNKNOWN, why, "") for why in found.missing]
    fine = 0
    for seen in glance(found.places):
        if is_fine(seen):
            fine += 1
            continue
        place = seen.place
        called = place.called
        try:
            frame = judge_now(source_of(place, settings, one_shot=True))
            answer = judged(Look(frame, lambda: owners_of(settings)))
        except (TableError, click.UsageError) as error:
            if place.pid is not None and same_place(place) is None:
                continue  # it has ended meanwhile
            answer = Answer(UNKNOWN, str(error), "")
        answers.append(answer._replace(text=f"{called}: {answer.text}"))
    return worst_of(answers, fine=fine, count=fine + len(answers) - len(found.missing))
