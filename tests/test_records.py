"""twtop.records: the types of what is printed, for those who write programs on it."""

import typing

import pytest
import twtop.records

from tests.records import FILE, camel, source
from tui import api, records
from tui.report.schema import kinds, schema


def test_they_are_those_of_the_schemas() -> None:
    assert FILE.read_text() == source(), "python -m tests.records writes them"


@pytest.mark.parametrize("kind", kinds())
def test_each_kind_has_one(kind: str) -> None:
    made, said = getattr(records, f"{camel(kind)}Json"), schema(kind)
    assert set(typing.get_type_hints(made)) == set(said["properties"])
    assert made.__required_keys__ == set(said["required"])
    assert typing.get_args(typing.get_type_hints(made)["schema"]) == (f"twtop.{kind}/1",)


def test_the_name_that_is_documented() -> None:
    assert typing.get_type_hints(twtop.records.ReportJson).keys() == set(
        schema("report")["properties"]
    )
    assert "twtop.records" in (api.__doc__ or "")
