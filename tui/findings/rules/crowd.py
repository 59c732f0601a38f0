"""Many subjects of one rule: the worst by name, the rest in one finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tui.findings.finding import Finding

NAMED = 20
"""How many subjects a rule names: a text costs some 50 µs, and nobody reads more."""


def tell_each(
    subjects: Sequence[int], tell: Callable[[int], Finding], kind: str
) -> Iterator[Finding]:
    """Tell of the first NAMED subjects, the worst first, and sum up the others.

    ``kind`` is the subjects' plural. The sum is as grave as the worst in it, and its own
    subject does not change with their number: it is the same finding in the next frame.
    """
    for subject in subjects[:NAMED]:
        yield tell(subject)
    more = len(subjects) - NAMED
    if more > 0:
        worst = tell(subjects[NAMED])
        yield replace(
            worst,
            subject=f"further {kind}",
            message=f"The same holds for {more:,} further {kind}",
            meaning=f"The worst of them: {worst.message}. The {NAMED} that are worse stand "
            "by themselves.",
            evidence={"further": more},
            pattern=None,
        )
