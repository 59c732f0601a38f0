import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.dashboard.widgets.figures import SPANS, parsed, stepped


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [(400, 500, 300), (396, 400, 300), (1, 1.2, 0.8), (10, 12, 8), (0.1, 0.12, 0.1)],
)
def test_rates_go_in_steps_of_about_a_fifth(value: float, up: float, down: float) -> None:
    assert stepped("rate", value, 1) == pytest.approx(up)
    assert stepped("rate", value, -1) == pytest.approx(down)


def test_a_lifetime_ends_at_nothing() -> None:
    assert stepped("lifetime", 0.001, -1) == 0
    assert stepped("lifetime", 0, -1) == 0
    assert stepped("lifetime", 0, 1) == pytest.approx(0.001)


@given(st.sampled_from(sorted(SPANS)), st.floats(0, 1e9), st.sampled_from([1, -1]))
def test_a_step_stays_within_its_span(name: str, value: float, direction: int) -> None:
    low, high = SPANS[name]
    after = stepped(name, value, direction)
    assert after == 0 or low <= after <= high * (1 + 1e-9)
    if low * 1.3 < value < high / 1.3:
        assert (after > value) == (direction > 0)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate", "400", 400),
        ("rate", " 1,200/s ", 1200),
        ("lifetime", "0.25 s", 0.25),
        ("lifetime", "0", 0),
    ],
)
def test_what_is_typed(name: str, text: str, value: float) -> None:
    assert parsed(name, text) == value


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-3", "0", "1e99"])
def test_what_is_refused(text: str) -> None:
    answer = parsed("rate", text)
    assert isinstance(answer, str)
