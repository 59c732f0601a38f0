"""What Prometheus's HTTP API answers, as frozen data. Pure: bytes in, samples out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from tui.kernel.printable import printable

Labels = Mapping[str, str]


class AnswerError(Exception):
    """What came is no answer of Prometheus's, or says that there is none; the text says why."""


class Sample(NamedTuple):
    """One series, now."""

    labels: Labels
    value: float


class Line(NamedTuple):
    """One series over time."""

    labels: Labels
    points: tuple[tuple[float, float], ...]
    """Unix time and value, the oldest first."""


class Answer(NamedTuple):
    """The answer to one query."""

    samples: tuple[Sample, ...] = ()
    """Those of an instant query."""
    lines: tuple[Line, ...] = ()
    """Those of a range query."""
    time: float | None = None
    """The Unix time that an instant query was for; None where nothing was found."""
    partial: tuple[str, ...] = ()
    """Why there may be more."""
    touched: int = 0
    """Samples that Prometheus read for it; 0 where it does not say."""


def read_answer(body: bytes) -> Answer:
    """Read an answer. Raises AnswerError."""
    try:
        message = json.loads(body)
        if message["status"] != "success":
            raise AnswerError(_refusal(message))
        data = message["data"]
        partial = tuple(printable(str(one)) for one in message.get("warnings") or ())
        if message.get("isPartial"):  # VictoriaMetrics has no warnings
            partial += ("some of its storage did not answer",)
        touched = int(((data.get("stats") or {}).get("samples") or {}).get(TOUCHED) or 0)
        kind, found = data["resultType"], data["result"]
        if kind == "matrix":
            lines = tuple(Line(_labels(one), _points(one["values"])) for one in found)
            return Answer(lines=lines, partial=partial, touched=touched)
        if kind != "vector":
            raise AnswerError(f"an answer of an unknown kind: {printable(str(kind))[:40]}")
        samples = tuple(Sample(_labels(one), float(one["value"][1])) for one in found)
        time = float(found[0]["value"][0]) if found else None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise AnswerError("the answer is not Prometheus's: is the URL right?") from None
    return Answer(samples, (), time, partial, touched)


TOUCHED = "totalQueryableSamples"


def read_refusal(body: bytes) -> str:
    """Return why a query was refused, "" where the answer does not say."""
    try:
        return _refusal(json.loads(body))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return ""


def _refusal(message: dict[str, Any]) -> str:
    return printable(" ".join(str(message.get("error") or "").split()))[:300]


def _labels(one: dict[str, Any]) -> Labels:
    return {name: printable(str(value)) for name, value in one["metric"].items()}


def _points(values: list[Any]) -> tuple[tuple[float, float], ...]:
    return tuple((float(time), float(value)) for time, value in values)
