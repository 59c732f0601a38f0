"""The file: records with a checksum each, one after the other; nothing in it is ever changed.

A process that is killed while it writes leaves half a record at the end, which readers stop before
and the next writer cuts off. Readers need no lock, hold nothing up, and go on from where they were.

SQLite was tried with the same records as blobs: it takes seven times the processor for a write and
a fifth more room, and brings a WAL that grows under a reader and a copy that may not open. With a
row for each socket it takes 1.4 GB a day where this takes some 100 MB.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple
from weakref import finalize

MAGIC = b"twtop recording\n"
VERSION = 3
"""Raised where an older twtop would read rows wrongly; it says so, and reads what it can."""
MARK = b"\xd7tw\n"
"""How a record begins: where one is damaged the next is looked for."""
FRAME = struct.Struct("<4sBHII")
"""Mark, kind, stream, length, checksum of these three and of the content."""
FIRST = 0
"""The stream whose chapter begins before those of the others that begin with it."""
CHUNK = 1 << 20
LONGEST = 1 << 30


class Kind(IntEnum):
    """What a record is; a reader skips those that it does not know."""

    ABOUT = 1
    """JSON: version, and who wrote it."""
    START = 2
    """A whole reading: what follows in its stream begins here."""
    NEXT = 3
    """What changed since the one before."""
    SUMMARY = 4
    """What the chapter that ends here has in it."""


class RecordingError(Exception):
    """A recording could not be read or written; the text says which, and why."""


class Record(NamedTuple):
    """Where a record lies: a tuple, since a day has 30,000."""

    kind: int
    stream: int
    offset: int
    """Of its content, in bytes."""
    length: int
    checksum: int

    @property
    def end(self) -> int:
        """Return where it ends."""
        return self.offset + self.length

    @property
    def begin(self) -> int:
        """Where it begins, its frame included."""
        return self.offset - FRAME.size


def _require_regular(file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _checksum(kind: int, stream: int, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(struct.pack("<BHI", kind, stream, len(content))))


class LogReader:
    """Finds the records of a file, and those that came since."""

    def __init__(self, path: Path) -> None:
        """Open a recording. Raises RecordingError for what is none."""
        self.path = path
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._closing = finalize(self, os.close, self._file)
            _require_regular(self._file)
            begin = os.pread(self._file, len(MAGIC), 0)
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from error
        if begin != MAGIC:
            self._closing()
            raise RecordingError(f"{path}: not a twtop recording")
        self._end = len(MAGIC)
        self._told = 0
        """Behind which byte it was told that the end of the file is damaged."""
        self._torn = False
        """Did it end in half a record?"""
        self._read = 0
        """How long the file was when its records were looked for last."""
        self.about: dict[str, Any] = {}

    def close(self) -> None:
        """Let the file go, as the end of this object does too."""
        self._closing()

    @property
    def end(self) -> int:
        """Up to which byte whole records were found."""
        return self._end

    @property
    def is_newer(self) -> bool:
        """Whether a newer twtop wrote it, whose rows this one may read wrongly."""
        version = self.about.get("version", VERSION)
        return not isinstance(version, int) or version > VERSION

    @property
    def is_torn(self) -> bool:
        """Whether it ends in half a record: one may just be being written."""
        return self._torn

    def is_left(self) -> bool:
        """Say whether nobody is writing it, nor has since it was read: a writer holds a lock.

        Where a filesystem has no locks it is not known, and this is False.
        """
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(self._file, fcntl.LOCK_UN)
            return os.fstat(self._file).st_size == self._read
        except OSError:
            return False

    def more(self) -> Iterator[Record | None]:
        """Yield the records that were not yet found, up to the last whole one.

        None stands for what is damaged: what came next in each stream is lost. Half a record at the
        end is none of it: that one may just be being written.
        """
        size = self._read = os.fstat(self._file).st_size
        self._torn = False
        while self._end < size:
            chunk, begin = os.pread(self._file, CHUNK, self._end), self._end
            while self._end - begin + FRAME.size <= len(chunk):
                record = self._record(chunk, self._end - begin, size)
                if record is None:
                    break
                self._end = record.end
                if record.kind == Kind.ABOUT:
                    self._learn(record)
                else:
                    yield record
            if self._end == begin:
                found = self._next_whole(size)
                if found is None:
                    if self._is_begun(chunk, size):
                        self._torn = True
                    elif self._told != self._end:
                        self._told = self._end
                        yield None
                    return
                self._end = found
                yield None

    def _record(self, chunk: bytes, at: int, size: int) -> Record | None:
        """Return the record whose frame is there; None where none is, or not all of it."""
        mark, *told = FRAME.unpack_from(chunk, at)
        kind, stream, length, checksum = told
        record = Record(kind, stream, self._end + FRAME.size, length, checksum)
        if mark != MARK or length > LONGEST or record.end > size:
            return None
        return record if record.end < size or self.is_whole(record) else None

    def _is_begun(self, rest: bytes, size: int) -> bool:
        """Say whether these last bytes are the first ones of a record, of which more may come.

        Zeros are not: a filesystem puts them in the place of what a crash has lost.
        """
        if len(rest) < FRAME.size:
            return rest[: len(MARK)] == MARK[: len(rest)]
        mark, _, _, length, _ = FRAME.unpack_from(rest)
        return bool(mark == MARK and length <= LONGEST and self._end + FRAME.size + length > size)

    def _next_whole(self, size: int) -> int | None:
        """Return where the next record begins that is as it was written, None if none is."""
        begin = self._end + 1
        while begin + FRAME.size <= size:
            chunk = os.pread(self._file, CHUNK, begin)
            at = chunk.find(MARK)
            while 0 <= at <= len(chunk) - FRAME.size:
                _, kind, stream, length, checksum = FRAME.unpack_from(chunk, at)
                record = Record(kind, stream, begin + at + FRAME.size, length, checksum)
                if length <= LONGEST and record.end <= size and self.is_whole(record):
                    return record.begin
                at = chunk.find(MARK, at + 1)
            begin += max(len(chunk) - FRAME.size, 1)
        return None

    def is_whole(self, record: Record) -> bool:
        """Say whether it is as it was written."""
        try:
            self.content(record)
        except RecordingError:
            return False
        return True

    def _learn(self, record: Record) -> None:
        with suppress(ValueError, RecursionError):
            about = json.loads(self.content(record))
            if isinstance(about, dict):
                self.about = about

    def content(self, record: Record) -> bytes:
        """Return what is in a record. Raises RecordingError where it is damaged."""
        try:
            content = os.pread(self._file, record.length, record.offset)
        except OSError as error:
            raise RecordingError(f"{self.path}: {error.strerror}") from error
        if _checksum(record.kind, record.stream, content) != record.checksum:
            raise RecordingError(f"{self.path}: damaged at byte {record.offset}")
        return content

    def replaced(self) -> bool:
        """Say whether another file has taken the place of this one."""
        try:
            there = self.path.stat()
        except OSError:
            return False
        mine = os.fstat(self._file)
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)


class LogWriter:
    """Appends records to a file of its own."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        """Open a recording to go on with, or begin one. Raises RecordingError."""
        self.path = path
        self._about = {"version": VERSION, **about}
        try:
            self._file = os.open(
                path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            _require_regular(self._file)
            self._lock()
            self.written = 0
            """How many bytes this has appended."""
            self.size = os.fstat(self._file).st_size
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror}") from error
        if self.size:
            self._cut_torn_end()
        else:
            self._write(MAGIC)
        self.append(Kind.ABOUT, 0, json.dumps(self._about).encode())

    def _lock(self) -> None:
        for pause in (0.01, 0.1, 0.0):
            with suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(pause)  # a reader that asks whether anybody writes has it for a moment
        raise RecordingError(f"{self.path}: another twtop is recording to it")

    def _cut_torn_end(self) -> None:
        reader = LogReader(self.path)
        for _ in reader.more():
            pass
        reader.close()
        if reader.is_newer:
            raise RecordingError(f"{self.path}: written by a newer twtop; choose another file")
        self.size = reader.end
        os.ftruncate(self._file, self.size)

    def append(self, kind: Kind, stream: int, content: bytes) -> int:
        """Write a record whole, or nothing of it, and return where it begins.

        Raises RecordingError.
        """
        begin = self.size
        frame = FRAME.pack(MARK, kind, stream, len(content), _checksum(kind, stream, content))
        self._write(frame + content)
        return begin

    def _write(self, data: bytes) -> None:
        try:
            done = os.pwrite(self._file, data, self.size)
            if done != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise RecordingError(f"{self.path}: {error.strerror}") from error
        self.size += len(data)
        self.written += len(data)

    def drop_before(self, begin: int) -> None:
        """Begin the file with the record there: a new file takes its place. Raises RecordingError.

        Whoever reads the old one has it until they look again.
        """
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            beside.unlink(missing_ok=True)
            kept = LogWriter(beside, self._about)
            kept._copy(self._file, begin, self.size)
            beside.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise RecordingError(f"{self.path}: {error.strerror}") from error
        os.close(self._file)
        self._file, self.size = kept._file, kept.size

    def _copy(self, source: int, begin: int, end: int) -> None:
        while begin < end:
            data = os.pread(source, min(1 << 20, end - begin), begin)
            self._write(data)
            begin += len(data)

    def close(self) -> None:
        """Have it on the disk, and let it go."""
        with suppress(OSError):
            os.fdatasync(self._file)
        os.close(self._file)
