"""A moment in a recording costs what has changed in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tables import NOW, reading, table, waiting
from tui.kernel.processes import Owners, Process
from tui.recording import chapter
from tui.recording.chapter import ChapterReader, ChapterWriter
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
