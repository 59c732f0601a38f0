"""What the kernel refused, as plain data and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from tui.analysis.patterns import endpoint
from tui.kernel.places import Place
from tui.kernel.refusals import Counted, Refused
from tui.report.records import bare_head, place_record
from tui.writing.layout import Paint, table
from tui.writing.words import local, plural, span

if TYPE_CHECKING:
    from tui.records import PlaceRecord, RefusalsJson, RefusalsPlaceRecord

SCHEMA = "twtop.refusals/1"
MOST_NAMED = 20
"""Destinations and processes in the sum."""
SAMPLES_LOST = "unknown: too many at once"


def refusal_records(counted: Counted, here: Place) -> Iterator[RefusalsJson]:
    """Yield each tuple that was refused, most often first; their counts add up to the total.

    ``place`` is None where the namespace is not known, and a namespace other than this process's
    has its number for a name. Refusals of which the kernel had no room to tell more come last,
    with None for all that is not known.
    """
    for each, count in _sorted(counted):
        yield {
            **cast("RefusalsJson", bare_head(SCHEMA, counted.until, _place(each.namespace, here))),
            "call": each.call,
            "pid": each.pid,
            "process": None if each.process is None else str(each.process),
            "local_ip": each.local_ip,
            "remote_ip": each.remote_ip,
            "remote_port": each.remote_port,
            "count": count,
        }
    if counted.lost:
        unknown = ("call", "pid", "process", "local_ip", "remote_ip", "remote_port")
        lost = {**bare_head(SCHEMA, counted.until), **dict.fromkeys(unknown), "count": counted.lost}
        yield cast("RefusalsJson", lost)


def _sorted(counted: Counted) -> list[tuple[Refused, int]]:
    return sorted(counted.refused.items(), key=lambda each: -each[1])


def _place(namespace: int | None, here: Place) -> PlaceRecord | RefusalsPlaceRecord | None:
    if namespace is None:
        return None
    if namespace == here.id:
        return place_record(here)
    return {"name": f"net:[{namespace}]", "kind": None, "id": namespace}


HEADS = f"{'Time':<10}  {'Refused':>9}  {'What':<44}  By"


def lines_text(counted: Counted, here: Place) -> list[str]:
    """Return a line for each tuple that was refused, most often first."""
    clock = local(counted.until)[11:19]
    rows = [(count, _what(each), _by(each, here)) for each, count in _sorted(counted)]
    if counted.lost:
        rows.append((counted.lost, SAMPLES_LOST, ""))
    return [f"{clock:<10}  {count:>9,}  {what:<44}  {by}".rstrip() for count, what, by in rows]


def _what(refused: Refused) -> str:
    if refused.remote_ip is None or refused.remote_port is None:
        return "bind()"
    return f"{refused.local_ip} → {endpoint(refused.remote_ip, refused.remote_port)}"


def _by(refused: Refused, here: Place) -> str:
    if refused.process is None:
        who = (
            "a process not visible from here" if refused.pid is None else f"[{refused.pid}], ended"
        )
    else:
        who = str(refused.process)
    if refused.namespace is None:
        return f"{who}, namespace unknown"
    return who if refused.namespace == here.id else f"{who} in net:[{refused.namespace}]"


def sum_text(counted: Counted, here: Place, paint: Paint) -> str:
    """Return what was refused in all, by destination and by process."""
    seconds, lost = counted.until - counted.since, counted.lost
    by_what: Counter[str] = Counter()
    by_whom: Counter[str] = Counter()
    for each, count in counted.refused.items():
        by_what[_what(each)] += count
        by_whom[_by(each, here)] += count
    if not counted.total:
        return paint(f"Nothing was refused in {span(seconds)}.", "green")
    told = [paint(f"{plural(counted.total, 'call')} refused in {span(seconds)}", "red")]
    if lost:
        for counts in (by_what, by_whom):
            counts[SAMPLES_LOST] = lost
    for title, counts in (("By destination", by_what), ("By process", by_whom)):
        rows = [(f"{count:,}", what) for what, count in counts.most_common(MOST_NAMED)]
        told.append(table(title, (">", ""), rows, paint, total=len(counts)))
    return "\n\n".join(told)
