"""What the topics are written in, and how it is laid out for a terminal and for man."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.help.markdown import Code, Heading, Item, Paragraph, Table, bare, blocks
from tui.help.page import page
from tui.help.roff import escaped, roff

TEXT = """\
# A title
Lines that
flow, with `code` and **weight**.
- `term`: what it
  means
- just an item
```sh
  left | as it is
```
| a | b |
|---|---|
| `x` | y \\| z |
"""


def lines(text: str, width: int) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in page(blocks(text), width)]


def test_each_kind_of_block() -> None:
    assert list(blocks(TEXT)) == [
        Heading(1, "A title"),
        Paragraph("Lines that flow, with `code` and **weight**."),
        Item("`term`", "what it means"),
        Item("", "just an item"),
        Code("sh", ("  left | as it is",)),
        Table((("a", "b"), ("`x`", "y | z"))),
    ]


def test_a_paragraph_keeps_its_roles_over_the_end_of_a_line() -> None:
    wide = "one `two three` **four**, five"
    assert lines(wide, 12) == ["one two", "three four,", "five"]
    roles = {piece: role for line in page(blocks(wide), 12) for piece, role in line if role}
    assert roles == {"two": "code", "three": "code", "four": "bold"}


def test_a_table_wraps_its_widest_column_and_stacks_where_there_is_no_room() -> None:
    table = "| name | meaning |\n|---|---|\n| `ab` | " + "word " * 12 + "|"
    assert lines(table, 40)[:3] == [
        "name  meaning",
        "ab    word word word word word word word"[:40],
        "      word word word word word",
    ]
    assert lines(table, 20) == ["ab", *[f"    {'word ' * 3}".rstrip()] * 4]


@given(
    st.text("ab `*-\n", max_size=80).filter(lambda text: "```" not in text), st.integers(20, 100)
)
def test_no_text_is_lost_and_no_line_too_long(text: str, width: int) -> None:
    """Whatever it is written like, every letter stands on the page."""
    shown = "".join(lines(text, width))
    assert sorted(shown.replace(" ", "").replace("-", "").replace("`", "").replace("*", "")) == (
        sorted(c for c in text if c in "ab")
    )
    words = max(map(len, text.split()), default=0)
    assert all(len(line) <= max(width, words + 4) for line in lines(text, width))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (".TH is no request", r"\&.TH is no request"),
        ("'quoted'", r"\(aqquoted\(aq"),
        (r"a\b", r"a\eb"),
        ("--proc", r"\-\-proc"),
    ],
)
def test_nothing_in_a_text_is_a_request_to_roff(text: str, source: str) -> None:
    assert escaped(text) == source
    assert source in roff([Paragraph(text)], "x", 1, ("2026-01-01", "x 1")).splitlines()


def test_marks_are_not_printed() -> None:
    assert bare("`a` **b** c") == "a b c"
