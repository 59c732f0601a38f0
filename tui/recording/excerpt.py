"""The last minutes of a recording, as a recording of their own."""

from __future__ import annotations

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


def last_minutes(path: Path, seconds: float) -> list[Excerpt]:
    """Return so many seconds before the end of a recording, or of a folder's newest ones.

    Whole chapters are taken, so it may be some minutes more. Raises RecordingError.
    """
    begun = [(file, chapters) for file in files_of(path) if (chapters := chapters_of(file))]
    if not begun:
        raise RecordingError(f"{path}: nothing was recorded")
    oldest = max(chapters[-1][0] for _, chapters in begun) - seconds
    return [
        _excerpt(file, chapters, oldest) for file, chapters in begun if chapters[-1][0] >= oldest
    ]


def _excerpt(file: Path, chapters: list[tuple[float, int]], oldest: float) -> Excerpt:
    since, begin = next((one for one in reversed(chapters) if one[0] <= oldest), chapters[0])
    try:
        with file.open("rb") as recording:
            recording.seek(begin)
            return Excerpt(file.name, MAGIC + recording.read(), since)
    except OSError as error:
        raise RecordingError(f"{file}: {error.strerror}") from error
