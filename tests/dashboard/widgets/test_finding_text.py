import pytest

from tests.dashboard.scene import DATABASE, frame_of, waits
from tui.analysis.frame import Frame
from tui.dashboard.widgets.finding_text import evidence_name, evidence_text, finding_lines, items_of
from tui.dashboard.widgets.findings import headline, lasts, line_of
from tui.findings.cases import Case
from tui.findings.finding import Finding, Severity
from tui.watching.view import View
from tui.watching.watch import Watch


def view_of(frame: Frame) -> View:
    return Watch().take(frame.reading)


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("utilization", 0.9714, "utilization 97.1%"),
        ("fullest_utilization", 0.5, "fullest utilization 50.0%"),
        ("share", 1, "share 100.0%"),
        ("closing_per_second", 16.3, "closing 16.3/s"),
        ("closing_per_second", 1016.0, "closing 1,016/s"),
        ("threshold_percent", 80.0, "threshold 80 %"),
        ("seconds_left", 45.2, "time left 45.2 s"),
        ("freed_within_10_s", 148, "freed within 10 s 148"),
        ("time_wait_of_all", 12345, "TIME-WAIT of all 12,345"),
        ("port", 8080, "port 8080"),
        ("tcp_tw_reuse", 1, "tcp_tw_reuse 1"),
        ("process", "nginx[10]", "process nginx[10]"),
    ],
)
def test_evidence_with_its_unit(name: str, value: float | str, shown: str) -> None:
    assert f"{evidence_name(name)} {evidence_text(name, value)}" == shown


@pytest.mark.parametrize("width", [1, 20, 40, 72, 76, 100, 147, 148, 200])
def test_no_line_is_wider_than_its_room(width: int) -> None:
    view = view_of(frame_of(waits(1000, DATABASE)))
    (case,) = view.cases.known
    lines = finding_lines(case, view, width)
    widest = max(sum(len(text) for text, _ in line.runs) for line in lines)
    assert widest <= max(width, 60)
    if width >= 40:
        assert widest <= width


def test_evidence_stands_beside_the_text_where_there_is_room() -> None:
    view = view_of(frame_of(waits(1000, DATABASE)))
    (case,) = view.cases.known
    below, beside = (
        ["".join(text for text, _ in line.runs) for line in finding_lines(case, view, width)]
        for width in (147, 148)
    )
    assert any(line == "Evidence" for line in below)
    assert max(map(len, below)) <= 100, "longer lines are hard to read"
    assert beside[0].endswith("Evidence")
    assert len(beside) < len(below)
    words = {word for line in below for word in line.split()}
    assert {word for line in beside for word in line.split()} == words


def test_what_can_be_picked_is_numbered_as_it_stands() -> None:
    view = view_of(frame_of(waits(1000, DATABASE)))
    (case,) = view.cases.known
    items = items_of(case.finding, view)
    lines = finding_lines(case, view, 100)
    assert {line.item for line in lines if line.item is not None} == set(range(len(items)))
    for number, item in enumerate(items):
        text = " ".join(
            "".join(t for t, _ in line.runs).strip() for line in lines if line.item == number
        )
        assert str(item) in text


FOUND = Finding("x", Severity.WARNING, "10.0.0.5", "10.0.0.5 has 71 % of it", "So. It is.", {})


def test_headlines_set_their_subject_off() -> None:
    assert headline(FOUND, 80) == [("10.0.0.5", "figure"), (" has 71 % of it", "")]
    assert headline(FOUND, 12) == [("10.0.0.5", "figure"), (" ha…", "")]


def test_a_narrow_headline_names_the_remote_side_of_a_pattern() -> None:
    view = view_of(frame_of(waits(1000, DATABASE)))
    (case,) = view.cases.known
    assert headline(case.finding, 50) == [
        ("10.0.0.9:5432", "figure"),
        (": none of the 1,000 ports left", ""),
    ]


def test_how_long_it_lasts() -> None:
    assert lasts(Case(FOUND, 100), 112) == "12 s"
    assert lasts(Case(FOUND, 100, from_start=True), 112) == "≥ 12 s"
    assert lasts(Case(FOUND, 100, gone=110), 112) == "gone 2 s"


@pytest.mark.parametrize("width", [0, 1, 5, 20, 40, 80, 200])
def test_the_line_is_as_wide_as_its_room(width: int) -> None:
    runs = line_of([Case(FOUND, 0), Case(FOUND, 0)], width)
    assert sum(len(text) for text, _ in runs) <= width
    assert sum(len(text) for text, _ in line_of([], width)) <= width
