"""JSON that was deflated: read with a bound, for a few bytes can inflate to gigabytes."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from tui.recording.log import RecordingError

if TYPE_CHECKING:
    from zlib import _Decompress

LONGEST_TEXT = 1 << 26
"""In bytes. The longest that twtop writes is that of a first moment, with the owner of each open
socket: 40 MB for a million."""


def inflated(data: bytes, stream: _Decompress | None = None) -> Any:
    """Return what deflated JSON says, the next of a ``stream`` or one by itself.

    Raises RecordingError where it is longer than LONGEST_TEXT, zlib.error and ValueError where it
    is none.
    """
    stream = stream or zlib.decompressobj()
    text = stream.decompress(data, LONGEST_TEXT)
    if stream.unconsumed_tail:
        raise RecordingError(f"a record inflates to more than {LONGEST_TEXT >> 20} MB")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
