"""twtop check: one line for Nagios and Icinga."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from tui.analysis.bind_first import find_bound_first
from tui.analysis.bounds import could_reach
from tui.analysis.doubts import doubts, surely_fine
from tui.analysis.frame import Frame, judge
from tui.analysis.judgement import SLOW_PERCENT, Level, PortUse, port_use
from tui.commands.configuration import load
from tui.commands.destination import Address, destination, destination_options, ends_text
from tui.commands.options import Settings, given, percent, shared_options
from tui.commands.output import emit, unknown
from tui.commands.reading import source_of, take_frame
from tui.findings.config import BindFirst, ConfigError
from tui.kernel.find_place import ALL, same_place
from tui.kernel.glance import Glance, glance
from tui.kernel.sockets import Array, TableError
from tui.kernel.survey import survey
from tui.planning.demand import outgoing
from tui.writing.words import digits_beside, floored, written

OK, WARNING, CRITICAL, UNKNOWN = range(4)
NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
EPILOG = (
    "Exit codes, those of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, "
    "3 UNKNOWN (the kernel's tables could not be read, or the options are wrong)."
)


SEVERITY = (OK, UNKNOWN, WARNING, CRITICAL)
"""The worst last, as the Monitoring Plugins have it (lib/utils_base.c, max_state): an alarm that is
sure is not hidden by what could not be read."""


class Answer(NamedTuple):
    """A plugin's answer."""

    code: int
    text: str
    perfdata: str

    @property
    def line(self) -> str:
        """The answer as the Monitoring Plugins Development Guidelines have it."""
        # `|` ends the text for Nagios.
        return f"TWTOP {NAMES[self.code]} - {self.text.replace('|', '/')} | {self.perfdata}"


@click.command(epilog=EPILOG)
@click.option(
    "-w",
    "--warning",
    callback=percent,
    metavar="PERCENT",
    help="Of a tuple's capacity locked; from 50 connect() is slow.  [default: 50]",
)
@click.option(
    "-c",
    "--critical",
    callback=percent,
    metavar="PERCENT",
    help="Of a tuple's capacity locked.  [default: the threshold, -t]",
)
@destination_options
@click.option(
    "--must-exist", is_flag=True, help="UNKNOWN where no outgoing connection is to be judged."
)
@shared_options
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
    **options: Any,
) -> None:
    """Judge the fullest tuple in one line with performance data, for Nagios and Icinga.

    A tuple is one local IP, remote IP and remote port: each has the ephemeral ports anew. It is
    judged by the ports that are locked: in use, and not among the TIME-WAITs that tcp_tw_reuse
    gives to connect(). One that has no port left is critical whatever the percentages. Incoming
    connections are not judged: the ports they take are their peers'. Where sysctls or a part of
    the table could not be read the answer is UNKNOWN instead of OK. With -N all it is that of the
    worst place.

    \b
    twtop check -w 50 -c 80
    twtop check --dst 10.0.0.9:5432
    twtop check -N all
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
    ends = destination(dst, dport, src)
    named = ends_text(*ends)
    none = f"no outgoing connections, none {named}" if named else "no outgoing connections"

    def judged(frame: Frame) -> Answer:
        found = outgoing(frame, *ends)
        limits = config.bind_first
        return judge_fullest(frame, found, warning, critical, limits, none, must_exist=must_exist)

    def is_fine(seen: Glance) -> bool:
        if must_exist and seen.sockets:
            return False
        sure = seen.sockets == 0 or not seen.rules.assumed
        return sure and not could_reach(seen, critical, warning)

    try:
        if settings.place == ALL:
            verdict = check_all(settings, judged, is_fine)
        else:
            verdict = judged(take_frame(settings))
    except (TableError, OSError) as error:
        unknown(str(error))
    emit(verdict.line, unwritable=UNKNOWN)
    sys.exit(verdict.code)


def check_all(
    settings: Settings, judged: Callable[[Frame], Answer], is_fine: Callable[[Glance], bool]
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
        called = f"{place.kind} {place.name}"
        try:
            answer = judged(judge(source_of(place, settings, one_shot=True).read()))
        except (TableError, click.UsageError) as error:
            if place.pid is not None and same_place(place) is None:
                continue  # it has ended meanwhile
            answer = Answer(UNKNOWN, str(error), "")
        answers.append(answer._replace(text=f"{called}: {answer.text}"))
    count = f"places={fine + len(answers) - len(found.missing)};;;0"
    answers.sort(key=lambda one: SEVERITY.index(one.code), reverse=True)
    counts = Counter(one.code for one in answers) + Counter({OK: fine})
    summary = ", ".join(
        f"{counts[code]} {NAMES[code]}" for code in reversed(SEVERITY) if counts[code]
    )
    if not answers:
        return Answer(OK, f"{summary}: no place has enough sockets to be short of ports", count)
    worst = answers[0]
    return Answer(
        worst.code, f"{worst.text} (of all places: {summary})", f"{worst.perfdata} {count}".strip()
    )


def judge_fullest(
    frame: Frame,
    candidates: Array,
    warning: float,
    critical: float,
    limits: BindFirst = BindFirst(),
    none: str = "no outgoing connections",
    *,
    must_exist: bool = False,
) -> Answer:
    """Judge the fullest of the candidates, indices of outgoing patterns, by its locked ports.

    ``warning`` and ``critical`` are percentages of capacity; ``none`` is what to say without a
    candidate, which is no answer where one ``must_exist``. Fullest is the one with the fewest
    ports left to connect(): two with all ports in use look alike, while one of them may still
    take over its TIME-WAITs. Where their client binds first, all destinations of a local IP
    together have the ports of one, and those are judged if fewer are left.

    """
    patterns, fails = frame.patterns, "connect() fails"
    if len(candidates):
        left = patterns.capacity[candidates] - patterns.locked[candidates]
        index = int(candidates[left.argmin()])
        use = port_use(patterns, index)
        subject = str(patterns.key(index))
        if beside := patterns.beside.item(index):
            subject += f" (besides {beside:,} connections from ports that its program chose)"
        # Whatever its own address, connect() takes no port that another socket has bound.
        bound = next(iter(find_bound_first(frame, limits.destinations, limits.use)), None)
        if bound is not None and bound.use.connectable < use.connectable:
            use, fails = bound.use, "bind() fails"
            subject = (
                f"{frame.table.ip(bound.address)} to all its {bound.destinations} destinations"
            )
            subject += " (the client seems to bind() first)"
        text = f"{subject} uses {floored(use.in_use, use.capacity)}% of {use.capacity:,} ports"
    else:
        use = PortUse(frame.ports.capacity)
        text = none if use.capacity else "no ephemeral port at all"
    level = use.level(critical, warning)
    code = {Level.FINE: OK, Level.SLOW: WARNING}.get(level, CRITICAL)
    if len(candidates) and level is Level.EXHAUSTED:
        text += f": EXHAUSTED, {fails}"
    elif len(candidates):
        text += f"{_reuse(use)}, {use.connectable:,} connectable"
    sure = surely_fine(frame, use.locked, use.capacity, min(warning, critical))
    if code == OK and (not sure or (must_exist and not len(candidates))):
        code = UNKNOWN
    if why := doubts(frame):
        text += f" ({'; '.join(why)})"
    digits = digits_beside(warning, critical, least=2)
    perfdata = (
        f"use={floored(use.in_use, use.capacity, digits):.{digits}f}%;;;0;100 "
        f"locked={floored(use.locked, use.capacity, digits):.{digits}f}%;"
        f"{written(warning)};{written(critical)};0;100 "
        f"in_use={use.in_use};;;0;{use.capacity} "
        f"connectable={use.connectable};;;0;{use.capacity} "
        f"time_wait={frame.time_wait.count};;;0"
    )
    return Answer(code, text, perfdata)


def _reuse(use: PortUse) -> str:
    """Return what a use is worth of which not all is locked."""
    if not use.reusable:
        return ""
    return f", {floored(use.locked, use.capacity)}% locked" if use.locked else ", all reusable"
