"""What is told of places, in Prometheus's text format; the one door to prometheus_client."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Metric,
    generate_latest,
    make_wsgi_app,
    start_http_server,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from tui.analysis.bounds import utilization_at_most
from tui.analysis.forecast import NEVER
from tui.kernel.sockets import State
from tui.metrics.names import BANDS, METRICS
from tui.metrics.post import Row, Sight
from tui.metrics.site import site
from tui.watching.view import View

Measure = tuple[str, float, tuple[str, ...]]
"""A metric without its prefix, the value, and its labels behind that of the place."""


class Looking(Protocol):
    """One place, or all of a machine: a Post, or Rounds."""

    @property
    def complete(self) -> bool:
        """Could every place that was asked for be found?"""

    def look(self) -> tuple[Sight, ...]:
        """Return what is to be told of them now. Never raises."""

    def look_for_owners(self) -> None:
        """Walk over the processes if it is time to."""


PREFIX = "twtop_"
LABELS = {one.name: one.labels for one in METRICS}
LIST_OF_PORTS = "net.ipv4.ip_local_reserved_ports"
"""No number, though it may look like one."""


class Scrapes(Collector):
    """Reads its places whenever it is asked, but once in ``least_seconds`` at most.

    Two Prometheus servers that scrape the same host, or one in a hurry, cost one reading.
    """

    def __init__(self, posts: Sequence[Looking], least_seconds: float, *, walks: bool) -> None:
        """``walks`` looks for the sockets' owners behind each reading, in a thread."""
        self._posts = posts
        self._least_seconds = least_seconds
        self._walks = walks
        self._read_at = -NEVER
        self._lock = threading.Lock()
        self._families: tuple[Metric, ...] = ()
        self.failures: tuple[str, ...] = ()
        """Why the newest reading has nothing of some places."""
        self._registry = CollectorRegistry()  # not the global one, which has Python's own metrics
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """Return every metric as of now, or as it was told just before."""
        with self._lock:
            began = time.monotonic()
            if began - self._read_at >= self._least_seconds:
                sights = [sight for post in self._posts for sight in post.look()]
                complete = all(post.complete for post in self._posts)
                self._read_at = began
                self._families = families(sights, time.monotonic() - began, complete=complete)
                self.failures = tuple(sight.failure for sight in sights if sight.failure)
                if self._walks:
                    threading.Thread(target=self._walk, name="owners", daemon=True).start()
            return self._families

    def describe(self) -> Iterable[Metric]:
        """Return every metric without a sample: of these a scrape can choose by ``?name[]=``."""
        return _nothing().values()

    def _walk(self) -> None:
        for post in self._posts:
            post.look_for_owners()

    def text(self) -> bytes:
        """Return them as text."""
        return generate_latest(self._registry)

    def serve(
        self, ip: str, port: int, cert: Path | None, key: Path | None, client_ca: Path | None
    ) -> None:
        """Answer scrapes from threads in the background. Raises OSError."""
        server, _ = start_http_server(
            port,
            ip,
            self._registry,
            certfile=None if cert is None else str(cert),
            keyfile=None if key is None else str(key),
            client_cafile=None if client_ca is None else str(client_ca),
            client_auth_required=client_ca is not None,
        )
        server.set_app(site(make_wsgi_app(self._registry)))


def families(
    sights: Iterable[Sight], seconds: float, *, complete: bool = True
) -> tuple[Metric, ...]:
    """Return every metric of these places; the reading and judging took so many ``seconds``."""
    made = _nothing()
    for name, value in (("scrape_duration_seconds", seconds), ("places_complete", complete)):
        made[PREFIX + name].add_sample(PREFIX + name, {}, value)
    for sight in sights:
        for name, value, labels in _samples(sight):
            name = PREFIX + name
            told = dict(zip(LABELS[name], (sight.name, *labels), strict=True))
            made[name].samples.append(Sample(name, told, value))
    return tuple(made.values())


def _nothing() -> dict[str, Metric]:
    return {
        one.name: Metric(one.name.removesuffix("_total"), one.meaning, one.kind) for one in METRICS
    }


def _samples(sight: Sight) -> Iterator[Measure]:
    yield "place_info", 1, (sight.place.kind,)
    bound = utilization_at_most(sight.glance) if sight.glance else None
    seen = sight.failure is None and (bound is not None or sight.view is not None)
    yield "reading_success", seen, ()
    yield "readings_incomplete_total", sight.incomplete, ()
    if bound is not None:
        yield "place_utilization_bound_ratio", round(bound, 6), ()
    if sight.view is None:  # what was true before may no longer be
        if sight.glance is not None:
            yield "sysctls_assumed", len(sight.glance.rules.assumed), ()
            if not sight.complete:  # it is no idle one: its turn has not come
                yield "reading_complete", 0, ()
        return
    yield "reading_complete", sight.complete, ()
    yield "reading_timestamp_seconds", sight.view.frame.reading.table_time, ()
    yield from _of_place(sight.view)
    yield "patterns_left_out", sight.left_out, ()
    for row in sight.rows:
        yield from _of_pattern(row)
    present = Counter(
        (case.finding.code, case.finding.severity.label) for case in sight.view.cases.present
    )
    for (code, severity), count in sorted(present.items()):
        yield "findings", count, (code, severity)
    for parameter in sight.view.frame.reading.parameters:
        yield from _of_sysctl(parameter.name, parameter.value)


def _of_place(view: View) -> Iterator[Measure]:
    frame, trends = view.frame, view.trends
    ports, patterns = frame.ports, frame.patterns
    for state in State:
        yield "sockets", frame.states.item(state), (state.name,)
    yield "time_wait_sockets", trends.time_wait_count, ()
    yield "time_wait_hold_seconds", frame.rules.time_wait_ms / 1000, ()
    yield "closings_per_second", round(frame.time_wait.closing_per_second, 3), ()
    yield "ports_capacity", ports.capacity, ()
    yield "ports_reserved", ports.reserved, ()
    yield "ports_excluded", ports.excluded, ()
    outgoing = np.flatnonzero(patterns.outgoing)
    locked = patterns.locked_share[outgoing]
    band = np.searchsorted([least for least, _ in BANDS], locked, "right") - 1
    counts = np.bincount(band, minlength=len(BANDS))
    for (_, name), count in zip(BANDS, counts.tolist(), strict=True):
        yield "patterns", count, (name,)
    for name, shares in (("utilization", patterns.utilization[outgoing]), ("locked", locked)):
        yield f"patterns_{name}_max_ratio", round(float(shares.max(initial=0.0)), 6), ()
    soonest = view.seconds_left_of_all().min(initial=NEVER)
    yield "patterns_exhaustion_min_seconds", float(soonest), ()
    yield "sysctls_assumed", len(frame.assumed), ()


def _of_pattern(row: Row) -> Iterator[Measure]:
    key = row.key
    ends = (key.direction.name.lower(), key.local_ip, key.remote_ip, str(key.remote_port))
    yield "pattern_ports_in_use", row.in_use, ends
    yield "pattern_ports_capacity", row.capacity, ends
    yield "pattern_ports_locked", row.locked, ends
    yield "pattern_exhaustion_seconds", row.seconds_left, ends
    if row.process is not None:
        yield "pattern_info", 1, (*ends, row.process)


@lru_cache(maxsize=1024)  # a third of all samples, and hardly one of them ever changes
def _of_sysctl(name: str, value: str | None) -> tuple[Measure, ...]:
    words = (value or "").split()
    if name == LIST_OF_PORTS or not all(w.isascii() and w.isdecimal() for w in words):
        return ()
    return tuple(("sysctl", int(word), (name, str(index))) for index, word in enumerate(words))
