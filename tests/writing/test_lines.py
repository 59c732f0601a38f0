import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.writing.words import short, signed, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (312.4, "+312"),
        (-312.4, "−312"),
        (12345.0, "+12,345"),
        (10.0, "+10"),
        (4.25, "+4.2"),
        (-4.2, "−4.2"),
        (0.05, "+0.1"),
        (0.04, "0"),
        (-0.04, "0"),
        (0.0, "0"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_changes_have_a_sign_and_two_figures(value: float | None, text: str) -> None:
    assert signed(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.4, "0 s"),
        (45.2, "45 s"),
        (99.0, "99 s"),
        (100.0, "2 min"),
        (180.0, "3 min"),
        (3600.0, "60 min"),
        (7200.0, "2 h"),
        (float("inf"), "–"),
    ],
)
def test_spans_have_two_figures(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 1, "…"), ("", 0, ""), ("abc", 9, "abc")],
)
def test_what_is_cut_is_marked(text: str, width: int, expected: str) -> None:
    assert short(text, width) == expected


@given(st.text(), st.integers(1, 20))
@steady
def test_nothing_is_longer_than_its_room(text: str, width: int) -> None:
    cut = short(text, width)
    assert len(cut) == min(len(text), width)
    assert cut in (text, text[: width - 1] + "…")
