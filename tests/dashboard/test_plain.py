"""Whatever stands on the screen has an ASCII sign of its width, and meanings stay apart."""

import ast
from pathlib import Path

import pytest

import tui
from tui.dashboard.plain import ASCII, is_plain
from tui.writing.plain import PLAIN

SOURCES = sorted(Path(tui.__file__).parent.rglob("*.py"))


def test_every_sign_that_is_written_anywhere_has_one_in_its_place() -> None:
    written = {
        sign
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for sign in node.value
        if not sign.isascii()
    }
    assert len(written) > 20
    assert not {sign for sign in written if ord(sign) not in PLAIN} - set("Π↔")  # in docstrings
    assert all(len(sign) == 1 and sign.isascii() for sign in PLAIN.values())


def test_the_parts_of_a_gauge_and_its_marks_stay_apart() -> None:
    parts = (ASCII.live, ASCII.locked, ASCII.reusable, ASCII.free, ASCII.slow, ASCII.threshold)
    assert "".join(parts) == "#=-.:|"


def test_a_mark_of_order_is_no_letter_of_its_heading() -> None:
    """``Usev`` is no column."""
    marks = ASCII.ascending + ASCII.descending
    assert not any(mark.isalnum() for mark in marks)
    assert len(set(marks)) == 2


@pytest.mark.parametrize(
    ("environ", "encoding", "plain"),
    [
        ({}, "utf-8", False),
        ({"LANG": "C.UTF-8"}, "utf-8", False),
        ({"LANG": "en_US.utf8", "TERM": "xterm"}, "UTF-8", False),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, "utf-8", True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", True),
        ({"LANG": "de_DE@euro"}, "iso8859-15", True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, "utf-8", False),
        ({"LANG": "en_US.nonsense"}, "utf-8", False),
    ],
)
def test_which_terminals_are_plain(environ: dict[str, str], encoding: str, plain: bool) -> None:
    assert is_plain(environ, encoding) is plain
