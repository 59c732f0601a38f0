"""Some minutes of a recording, as a recording of their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tui.recording.files import chapters_of, files_of
from tui.recording.log import MAGIC, RecordingError


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was taken of a file, from a chapter's beginning to its end."""

    name: str
    content: bytes
    since: float
    """Unix time."""


def last_minutes(path: Path, seconds: float, until: float = math.inf) -> list[Excerpt]:
    """Return so many seconds of a recording, or of a folder of them, before its end or a Unix time.

    Whole chapters are taken, so it may be some minutes more. Raises RecordingError.
    """
    begun = [(file, chapters) for file in files_of(path)[0] if (chapters := chapters_of(file))]
    times = [time for _, chapters in begun for time, _ in chapters if time <= until]
    if not times:
        raise RecordingError(f"{path}: nothing was recorded" + " then" * (until < math.inf))
    oldest = max(times) - seconds
    return [
        _excerpt(file, chapters, oldest, until)
        for file, chapters in begun
        if any(oldest <= time <= until for time, _ in chapters)
    ]


def _excerpt(file: Path, chapters: list[tuple[float, int]], oldest: float, until: float) -> Excerpt:
    since, begin = next((one for one in reversed(chapters) if one[0] <= oldest), chapters[0])
    end = next((at for time, at in chapters if time > until and at > begin), None)
    try:
        with file.open("rb") as recording:
            recording.seek(begin)
            content = recording.read() if end is None else recording.read(end - begin)
            return Excerpt(file.name, MAGIC + content, since)
    except OSError as error:
        raise RecordingError(f"{file}: {error.strerror}") from error
