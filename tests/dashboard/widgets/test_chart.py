import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from tests.tables import steady
from tui.dashboard.widgets.chart import bar_chart, line_chart

RED, BLUE = (255, 0, 0), (0, 0, 255)


def check(chart: Text, width: int, height: int) -> str:
    lines = chart.plain.rstrip("\n").split("\n")
    assert [len(line) for line in lines] == [width] * height
    return chart.plain


def drawn(plain: str) -> int:
    """How many cells have a dot of a line."""
    return sum("⠀" < character <= "⣿" for character in plain)


@pytest.mark.parametrize(("width", "height"), [(20, 4), (60, 8), (200, 40)])
@pytest.mark.parametrize(
    ("times", "values"),
    [
        pytest.param([0.0], [5.0], id="one point"),
        pytest.param([-2.0, -1.0, 0.0], [5.0, 5.0, 5.0], id="flat"),
        pytest.param([-2.0, -1.0, 0.0], [0.0, 0.0, 0.0], id="zero"),
        pytest.param([-600.0, -300.0, 0.0], [0.0, 28_232.0, 1.0], id="ten minutes"),
        pytest.param([-0.5, 0.0], [1e9, 0.0], id="huge"),
    ],
)
def test_lines_have_the_size_asked_for_and_are_seen(
    times: list[float], values: list[float], width: int, height: int
) -> None:
    chart = line_chart(times, [(values, RED)], top=0.0, width=width, height=height)
    plain = check(chart, width, height)
    assert drawn(plain) > 0
    assert "now" in plain or width < 60, "where labels collide plotext drops some at random"


def test_no_points_yet_is_an_empty_chart() -> None:
    plain = check(line_chart([], [([], RED)], top=10.0, width=60, height=8), 60, 8)
    assert drawn(plain) == 0


def test_the_axis_reaches_the_top_and_says_so() -> None:
    low = line_chart([-9.0, 0.0], [([1.0, 2.0], RED)], top=28_232.0, width=60, height=9).plain
    assert "28,232" in low
    assert "14,116" in low
    above = line_chart([-9.0, 0.0], [([1.0, 400.0], RED)], top=100.0, width=60, height=9).plain
    assert "400" in above


@pytest.mark.parametrize(
    ("first", "labels"), [(-30.0, ("−60 s", "−30 s")), (-600.0, ("−10 min", "−5 min"))]
)
def test_the_time_axis_ends_now(first: float, labels: tuple[str, str]) -> None:
    plain = line_chart([first, 0.0], [([1.0, 2.0], RED)], top=1.0, width=80, height=10).plain
    for label in (*labels, "now"):
        assert label in plain


def test_one_chart_leaves_nothing_in_the_next() -> None:
    """plotext draws on one global canvas."""
    options = {"top": 1.0, "width": 60, "height": 8}
    alone = line_chart([-9.0, 0.0], [([1.0, 1.0], RED)], **options)  # type: ignore[arg-type]
    bar_chart([9.0] * 60, colour=BLUE, width=100, height=20)
    line_chart([-9.0, 0.0], [([5.0, 1.0], BLUE)] * 2, top=99.0, width=70, height=12)
    again = line_chart([-9.0, 0.0], [([1.0, 1.0], RED)], **options)  # type: ignore[arg-type]
    assert again == alone


def test_series_have_their_colours() -> None:
    chart = line_chart(
        [-9.0, 0.0], [([9.0, 9.0], RED), ([1.0, 1.0], BLUE)], top=10.0, width=60, height=8
    )
    styles = " ".join(str(span.style) for span in chart.spans)
    assert "#ff0000" in styles
    assert "#0000ff" in styles


@pytest.mark.parametrize(("width", "height"), [(20, 4), (60, 8), (200, 40)])
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.0] * 60, id="zero"),
        pytest.param([7.0] * 60, id="flat"),
        pytest.param([0.0] * 59 + [3.0], id="one"),
        pytest.param([float(second) for second in range(60)], id="ramp"),
    ],
)
def test_bars_have_the_size_asked_for(values: list[float], width: int, height: int) -> None:
    plain = check(bar_chart(values, colour=RED, width=width, height=height), width, height)
    assert "now" in plain or width < 60, "where labels collide plotext drops some at random"
    assert ("█" in plain or "▄" in plain or "▀" in plain) == any(values)


def test_bars_say_how_high_they_are() -> None:
    plain = bar_chart([0.0] * 59 + [340.0], colour=RED, width=80, height=10).plain
    assert "340" in plain


points = st.lists(st.tuples(st.floats(-600, 0), st.floats(0, 65_536)), min_size=1, max_size=30).map(
    sorted
)


@given(points, st.integers(20, 100), st.integers(4, 16), st.sampled_from((0.0, 1.0, 28_232.0)))
@settings(steady, max_examples=25)
def test_no_series_is_fatal(
    found: list[tuple[float, float]], width: int, height: int, top: float
) -> None:
    times, values = [time for time, _ in found], [value for _, value in found]
    check(line_chart(times, [(values, RED)], top=top, width=width, height=height), width, height)
