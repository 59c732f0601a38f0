"""What a recording costs: written beside the sampling, and a day of it, opened and gone through."""

from __future__ import annotations

import json
import random
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.load import sockets
from tui.commands.lasting import lasting
from tui.commands.record import INTERVAL
from tui.findings.config import Config
from tui.kernel.places import place_at
from tui.kernel.source import Source
from tui.recording.chapter import LEVEL, joined, parts
from tui.recording.files import open_recording
from tui.recording.log import Kind, LogReader, LogWriter, Record
from tui.recording.recorder import CHAPTER_SECONDS, Recorder
from tui.recording.replay import Replay
from tui.watching.watch import Watch

DAY = 86_400


class Written(NamedTuple):
    """A chapter of real tables."""

    path: Path
    share: float
    """Of a core, that writing took above reading and judging."""
    sockets: list[int]


class Opened(NamedTuple):
    """A day of them."""

    size: int
    first: float
    """Seconds until the first view."""
    seeks: list[float]
    """Seconds from a moment to another anywhere."""


def chapter(path: Path) -> Written:
    """Record a chapter at the command's own interval."""
    source, watch, recorder = (
        Source(place_at(Path("/proc")), "auto", INTERVAL, exact_timers=True),
        Watch(),
        Recorder(path),
    )
    writing, counts = 0.0, []
    began = due = time.monotonic()
    while time.monotonic() < began + CHAPTER_SECONDS - INTERVAL:
        view = watch.take(source.read())
        cpu = time.thread_time()
        recorder.take(view)
        writing += time.thread_time() - cpu
        counts.append(sockets())
        due += INTERVAL
        time.sleep(max(due - time.monotonic(), 0))
    share = writing / (time.monotonic() - began)
    recorder.close()
    return Written(path, share, counts)


def day(written: Path, path: Path) -> Opened:
    """Make a day's recording of a chapter, again and again at its time of the day, and open it."""
    _repeat(written, path)
    began = time.perf_counter()
    with lasting():  # as the commands do
        recording = open_recording(path)
    replay = Replay(recording, Config())
    first = time.perf_counter() - began
    dice, seeks = random.Random(1), []
    for _ in range(40):
        to = recording.timeline[dice.randrange(len(recording.timeline))].time
        began = time.perf_counter()
        replay.go_to(to)
        seeks.append(time.perf_counter() - began)
    recording.close()
    return Opened(path.stat().st_size, first, seeks)


def _repeat(written: Path, path: Path) -> None:
    log, made = LogReader(written), LogWriter(path, {})
    records: list[Record] = [record for record in log.more() if record is not None]
    contents = [log.content(record) for record in records]
    inflate, heads = zlib.decompressobj(), []
    for record, content in zip(records, contents, strict=True):
        if record.kind != Kind.SUMMARY:
            heads.append(parts(content, inflate))
    for number in range(round(DAY / CHAPTER_SECONDS)):
        deflate, later = zlib.compressobj(LEVEL), number * CHAPTER_SECONDS
        told = []
        for place, (head, body) in enumerate(heads):
            shifted = _shifted(head, later)
            told.append(shifted["summary"])
            kind = Kind.NEXT if place else Kind.START
            made.append(kind, 0, joined(shifted, body, deflate))
        made.append(Kind.SUMMARY, 0, zlib.compress(json.dumps(told).encode()))
    made.close()
    log.close()


def _shifted(head: dict[str, Any], later: float) -> dict[str, Any]:
    changed = dict(head["changed"])
    read = dict(changed.get("reading", {}))
    for name in {"time", "table_time"} & read.keys():
        read[name] += later
    summary = [head["summary"][0] + later, *head["summary"][1:]]
    return head | {"summary": summary, "changed": changed | {"reading": read}}
