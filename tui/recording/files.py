"""A path in, a recording out: one file, or a folder of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui.kernel.find_place import ALL
from tui.kernel.places import Place
from tui.recording.chapter import summaries
from tui.recording.log import Kind, LogReader, RecordingError
from tui.recording.recording import Recording

SUFFIX = ".twtop"
SERVICE_FOLDER = Path("/var/log/twtop")
"""Where `twtop record` writes as a service (LogsDirectory= of its unit)."""


def open_recording(path: Path, word: str | None = None) -> Recording:
    """Open a recording, or all of a folder; ``word`` is what the user calls the place.

    With ALL for the word it begins with the fullest.

    Raises RecordingError, and PlaceError where that names none, or one must be named.
    """
    return Recording(*files_of(path), word)


def files_of(path: Path) -> tuple[list[Path], tuple[str, ...]]:
    """Return the files of a recording or a folder of them, and which are left out there, in words.

    Raises RecordingError for a folder in which none can be read.
    """
    if not path.is_dir():
        return [path], ()
    found, refused = [], []
    for file in sorted(path.glob(f"*{SUFFIX}")):
        try:
            LogReader(file).close()
            found.append(file)
        except RecordingError as error:
            refused.append(str(error))
    if not found:
        none = f"{path}: contains no recording (*{SUFFIX})"
        raise RecordingError("; ".join((none, *refused)))
    return found, tuple(f"{why}; left out" for why in refused)


def recorded_of(place: Place, folder: Path) -> tuple[Recording | None, Sequence[str]]:
    """Return what was recorded of a place in a folder, None where that is nothing, and its notes.

    They tell what of the folder cannot be read: that may be of this place also where nothing else
    is. Raises RecordingError.
    """
    if not any(folder.glob(f"*{SUFFIX}")):
        return None, ()
    recording = open_recording(folder, ALL)
    notes, found = recording.notes, recording.find(place)
    if found is None:
        recording.close()
        return None, notes
    recording.show(found)
    return recording, notes


def is_recording(path: Path) -> bool:
    """Say whether a path is a recording or a folder of them, whatever its name."""
    if path.is_dir():
        return any(path.glob(f"*{SUFFIX}"))
    try:
        LogReader(path).close()
    except RecordingError:
        return False
    return True


def chapters_of(path: Path) -> list[tuple[float, int]]:
    """Return when each chapter of a file began, and at which byte. Raises RecordingError."""
    log = LogReader(path)
    found = []
    try:
        for record in log.more():
            if record is not None and record.kind == Kind.START:
                try:
                    (told,) = summaries([log.content(record)])
                    found.append((told.time, record.begin))
                except RecordingError:
                    continue
    finally:
        log.close()
    return found
