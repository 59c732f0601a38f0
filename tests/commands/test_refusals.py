"""`twtop refusals` where it cannot count, or is not to; what it counts: tests/live."""

from __future__ import annotations

import re

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY
from tui.kernel.refusals import CountingError


def test_it_names_its_exit_codes_and_its_cost(run: Run) -> None:
    code, out, err = run("refusals", "--help")
    assert (code, err) == (0, "")
    assert re.search(r"Exit codes.*\b0\s.*\b1\s.*\b2\s.*\b3\s", out, re.DOTALL)
    assert re.search(r"\d µs\b.*\d\s+ns\b", out, re.DOTALL)


@pytest.mark.parametrize(
    "arguments",
    [("--duration", "0"), ("--duration", "nan"), ("--csv",)],
)
def test_usage_errors(run: Run, arguments: tuple[str, ...]) -> None:
    ran = run("refusals", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_copy_refuses_nothing(run: Run) -> None:
    ran = run("--proc", PROXY, "refusals", "--duration", "0.1")
    assert (ran.code, ran.out) == (2, "")
    assert "--proc" in ran.err


def test_where_it_may_not_count_that_is_3(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise CountingError("that needs CAP_PERFMON")

    monkeypatch.setattr("tui.commands.refusals.Refusals", refuse)
    assert run("refusals") == (3, "", "twtop: that needs CAP_PERFMON\n")
