"""Some minutes of one place: a whole reading, then what changes.

Each record needs those before it in its chapter, and none of another.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import SocketTable
from tui.kernel.source import Reading
from tui.recording.inflate import inflated
from tui.recording.log import RecordingError
from tui.recording.packing import Listed, apart, dense, unpack
from tui.recording.row_reader import RowReader
from tui.recording.rows import RowChange, RowWriter, leads
from tui.recording.state import (
    Sections,
    applied,
    changed,
    owner_sections,
    reading_sections,
    restored,
    restored_owners,
    restored_place,
)
from tui.recording.summary import Summary, from_plain, plain

if TYPE_CHECKING:
    from zlib import _Compress, _Decompress

HEAD_LENGTH = 4
LEVEL = 9
"""How hard heads are deflated, which have 1 kB each."""
FLUSHED = b"\x00\x00\xff\xff"
"""With what zlib ends whatever it flushes: it is left away, but not in the first recordings."""
_SENSELESS = (
    zlib.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
)


class ChapterWriter:
    """Makes the records of a chapter."""

    def __init__(self) -> None:
        self._rows = RowWriter()
        self._sections: Sections = {}
        self._owners: Owners | None = None
        self._of_owners: Sections = {}
        self._table: SocketTable | None = None
        self._deflate = zlib.compressobj(LEVEL)

    def record(self, reading: Reading, owners: Owners, summary: Summary) -> bytes:
        """Return the content of the next record."""
        if owners is not self._owners:  # they stay the same for seconds
            self._owners, self._of_owners = owners, owner_sections(owners)
        now = reading_sections(reading) | self._of_owners
        head: dict[str, Any] = {"summary": plain(summary), "changed": changed(self._sections, now)}
        body = b""
        if reading.table is not self._table:
            change = self._rows.change_to(reading.table)
            listed, few, body = dense(change.columns)
            told = [column if column.least else column[:-1] for column in listed]
            head["rows"] = {"aged": change.aged, "came": change.came, "columns": told}
            head["rows"]["few"] = few
        self._sections, self._table = now, reading.table
        return joined(head, body, self._deflate)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One moment of a recording."""

    reading: Reading
    owners: Owners


class ChapterReader:
    """Follows the records of a chapter from its first."""

    def __init__(self) -> None:
        self._rows = RowReader()
        self._sections: Sections = {}
        self._table: SocketTable | None = None
        self._inflate = zlib.decompressobj()
        self.count = 0

    def take(self, contents: Sequence[bytes]) -> None:
        """Go on by these records. Raises RecordingError where they make no sense."""
        told, packed, rests = [], [], []
        try:
            for content in contents:
                head, body = parts(content, self._inflate)
                self._sections = applied(self._sections, head["changed"])
                if "rows" in head:
                    told.append(head["rows"])
                    listed = [Listed(*column) for column in head["rows"]["columns"]]
                    leading, rest = apart((listed, head["rows"].get("few", {}), body), leads)
                    packed.append(leading)
                    rests.append(rest)
            if told:
                unpacked = zip(told, unpack(packed), rests, strict=True)
                self._rows.take(
                    [
                        RowChange(rows["aged"], rows["came"], columns, rest)
                        for rows, columns, rest in unpacked
                    ]
                )
                self._table = None
        except _SENSELESS as error:
            raise _senseless(error) from error
        self.count += len(contents)

    def moment(self) -> Recorded:
        """Return the reading of the last record. Raises RecordingError."""
        try:
            reading = restored(self._sections, self._rows.columns(), self._table)
            owners = restored_owners(self._sections)
        except _SENSELESS as error:
            raise _senseless(error) from error
        self._table = reading.table
        return Recorded(reading, owners)


def _senseless(error: Exception) -> RecordingError:
    return RecordingError(f"a record is invalid: {error!r}")


def joined(head: Any, columns: bytes, stream: _Compress) -> bytes:
    """Return the next record of a stream."""
    text = json.dumps(head, separators=(",", ":")).encode()
    deflated = stream.compress(text) + stream.flush(zlib.Z_SYNC_FLUSH)
    deflated = deflated.removesuffix(FLUSHED)
    return len(deflated).to_bytes(HEAD_LENGTH, "little") + deflated + columns


def parts(content: bytes, stream: _Decompress) -> tuple[Any, bytes]:
    """Return what joined() was given: the head of a stream's next record, and its columns."""
    end = HEAD_LENGTH + int.from_bytes(content[:HEAD_LENGTH], "little")
    text = content[HEAD_LENGTH:end].removesuffix(FLUSHED)
    return inflated(text + FLUSHED, stream), content[end:]


def _heads(contents: list[bytes]) -> Iterator[Any]:
    """Yield the heads of a chapter's records, from its first."""
    inflate = zlib.decompressobj()
    for content in contents:
        yield parts(content, inflate)[0]


def summaries(contents: list[bytes]) -> list[Summary]:
    """Return the summaries of a chapter's records, without its tables. Raises RecordingError."""
    try:
        return [from_plain(head["summary"]) for head in _heads(contents)]
    except _SENSELESS as error:
        raise _senseless(error) from error


def place_of(first: bytes) -> Place:
    """Return the place that a chapter is of, by its first record. Raises RecordingError."""
    try:
        (head,) = _heads([first])
        place = restored_place(head["changed"])
    except _SENSELESS as error:
        raise _senseless(error) from error
    own = (place.name, place.kind, str(place.id))
    return replace(place, words=(*own, *place.words))
