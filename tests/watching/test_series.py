"""PatternSeries against what plain lists of the same polls say."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.analysis.patterns import Direction, PatternKey
from tui.watching.series import PatternSeries

KEYS = [PatternKey(Direction.OUTGOING, 0, 1, -1, 0, 2, port) for port in range(4)]
CAPACITY = 2
Polls = list[tuple[float, bool, dict[int, int]]]
"""Seconds since the one before, whether no other pattern was there, and the ports each had."""
polls = st.lists(
    st.tuples(
        st.sampled_from([0.25, 1.0, 3.0]),
        st.booleans(),
        st.dictionaries(st.integers(0, len(KEYS) - 1), st.integers(1, CAPACITY), min_size=1),
    ),
    min_size=1,
    max_size=12,
)


@given(polls, st.sampled_from([1.0, 3.5, 10.0]))
@steady
def test_who_was_full_and_who_is_new(told: Polls, seconds: float) -> None:
    made, now, before = PatternSeries(), 0.0, (0.0, False)
    had: dict[int, list[tuple[float, int]]] = {}
    for gap, saw_all, ports in told:
        first, now = now == 0.0, now + gap
        for key in ports.keys() - had.keys():  # it was surely not there if all others were told
            had[key] = [(before[0], 0)] if before[1] and not first else []
        for key, rows in had.items():
            rows.append((now, ports.get(key, 0 if saw_all else rows[-1][1] if rows else 0)))
        before = now, saw_all
        counts = np.array(list(ports.values()))
        values = np.array([counts, counts, counts, np.full(len(ports), CAPACITY)])
        made.add(now, [KEYS[key] for key in ports], values, saw_all)

        columns = made.columns([KEYS[key] for key in ports])
        recent = [[held for at, held in had[key] if at > now - seconds] for key in ports]
        assert made.was_full(columns, seconds).tolist() == [CAPACITY in one for one in recent]
        assert made.is_new(columns, seconds).tolist() == [0 in one for one in recent]
