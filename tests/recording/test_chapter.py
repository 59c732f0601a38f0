"""A moment in a recording costs what has changed in it."""

from __future__ import annotations

import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tables import NOW, reading, table, waiting
from tui.kernel.processes import Owners, Process
from tui.recording import chapter
from tui.recording.chapter import HEAD_LENGTH, ChapterReader, ChapterWriter, Recorded, joined, parts
from tui.recording.files import open_recording
from tui.recording.log import Kind, LogWriter, RecordingError
from tui.recording.state import Sections, owner_sections
from tui.recording.summary import summarise
from tui.watching.watch import Watch


def test_owners_are_written_down_once_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are as many as open sockets, and they stay the same from one walk to the next."""
    written = []

    def counted(owners: Owners) -> Sections:
        written.append(owners)
        return owner_sections(owners)

    monkeypatch.setattr(chapter, "owner_sections", counted)
    writer, reader, watch = ChapterWriter(), ChapterReader(), Watch()
    first = Owners({7: Process(1, "nginx"), 8: Process(2, "envoy")})
    walks = [first, first, replace(first, by_inode={8: Process(2, "envoy")}), first]
    for second, owners in enumerate(walks):
        view = watch.take(reading(table(waiting(40000)), time=NOW + second))
        reader.take([writer.record(view.frame.reading, owners, summarise(view))])
        assert reader.moment().owners == owners
    assert written == [first, *walks[2:]]


def read(content: bytes) -> Recorded:
    reader = ChapterReader()
    reader.take([content])
    return reader.moment()


@pytest.mark.parametrize("count", [10**9, 10**13, 10**18, 10**30])
@pytest.mark.parametrize("where", ["came", "size", "bits"])
def test_counts_that_no_record_can_hold_are_senseless(where: str, count: int) -> None:
    """A recording may come from anybody: what it says of itself makes no array of terabytes."""
    view = Watch().take(reading(table(*(waiting(40000 + n * n) for n in range(9))), time=NOW))
    content = ChapterWriter().record(view.frame.reading, Owners({}), summarise(view))
    head, body = parts(content, zlib.decompressobj())
    if where == "came":
        head["rows"]["came"] = count
    elif where == "size":
        head["rows"]["columns"][0][1] = count
    else:  # what is no number, so many times
        head["rows"]["columns"][0][1:4] = ["xx", 1, count]
    made = joined(head, body, zlib.compressobj())
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match="invalid"):
            read(made)
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("reading", "time", "noon"),
        ("reading", "table_time", None),
        ("place", "id", [1]),
        ("counters", "tw", "many"),
        ("parameters", "net.ipv4.tcp_tw_reuse", [2, None, "x"]),
    ],
)
def test_what_is_of_another_kind_is_senseless(section: str, key: str, value: object) -> None:
    view = Watch().take(reading(table(waiting(40000)), time=NOW, counters={"tw": 1}))
    content = ChapterWriter().record(view.frame.reading, Owners({}), summarise(view))
    head, body = parts(content, zlib.decompressobj())
    head["changed"][section][key] = value
    with pytest.raises(RecordingError, match="invalid"):
        read(joined(head, body, zlib.compressobj()))


@pytest.mark.parametrize(("of", "count"), [(b" ", 1 << 28), (b"[", 1 << 20)])
def test_what_inflates_without_end_is_refused(tmp_path: Path, of: bytes, count: int) -> None:
    """260 kB of a stranger's file would take 256 MB of memory, or the whole stack."""
    view = Watch().take(reading(table(waiting(40000)), time=NOW))
    whole = ChapterWriter().record(view.frame.reading, Owners({}), summarise(view))
    bomb = zlib.compress(of * count)
    head = len(bomb).to_bytes(HEAD_LENGTH, "little") + bomb
    log = LogWriter(tmp_path / "r.twtop", {})
    for kind, content in ((Kind.START, whole), (Kind.SUMMARY, bomb), (Kind.START, head)):
        log.append(kind, 0, content)
    log.close()
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match=r"more than 64 MB|invalid"):
            ChapterReader().take([head])
        recording = open_recording(tmp_path / "r.twtop")
        assert len(recording.timeline) == len(recording.notes) == 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 28
    finally:
        tracemalloc.stop()
