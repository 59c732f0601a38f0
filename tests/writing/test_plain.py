"""Text in locales without UTF-8: every sign spelled out, columns kept, data left alone."""

import os
import re
import subprocess

import pytest

from tests.e2e.terminal import ROOT, TWTOP
from tests.patience import limit
from tests.tables import FIXTURES
from tui.writing.plain import spelled

PROC = f"--proc={FIXTURES / '6.18-proxy/proc'}"
LOCALES = ({"LC_ALL": "C"}, {"LC_ALL": "de_DE.ISO-8859-1"}, {"PYTHONIOENCODING": "ascii"})


def said(*arguments: str, **locale: str) -> tuple[int, bytes, bytes]:
    environ = {name: value for name, value in os.environ.items() if name[:3] not in ("LC_", "LAN")}
    ran = subprocess.run(
        [*TWTOP, *arguments],
        cwd=ROOT,
        env=environ | locale,
        capture_output=True,
        timeout=limit(),
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("locale", LOCALES, ids=str)
def test_text_is_ascii_whoever_prints_it(locale: dict[str, str]) -> None:
    """Commands, click's helps, and errors."""
    for arguments in (["patterns", PROC], ["refusals", "--help"], ["demo", "münchen"]):
        _, out, err = said(*arguments, **locale)
        assert (out + err).isascii(), arguments
        assert b"?" not in out
    assert b"10.0.0.5 -> 10.0.0.9:5432" in said("patterns", PROC, **locale)[1]


@pytest.mark.parametrize("locale", LOCALES, ids=str)
@pytest.mark.parametrize("arguments", [f"plan --json {PROC}", "metrics --dashboard"])
def test_data_is_the_same_in_every_locale(locale: dict[str, str], arguments: str) -> None:
    there, here = (said(*arguments.split(), **each) for each in (locale, {"LC_ALL": "C.UTF-8"}))
    took = re.compile(rb'"read_seconds": [0-9.e-]+')
    assert there[0] == here[0] == 0
    assert took.sub(b"", there[1]) == took.sub(b"", here[1])
    assert not there[1].isascii()


def test_columns_stay_below_each_other() -> None:
    table = ["a → b    1", "a → bcd  2", "head     3"]
    assert spelled("\n".join(table)).splitlines() == ["a -> b   1", "a -> bcd 2", "head     3"]


def test_what_has_no_spelling_is_a_question_mark() -> None:
    assert spelled("≥ 3 … 京") == ">= 3 ... ?"
