"""Whatever the namespace holds, `connectable` is the number of connect() calls that succeed.

Forty are played in every run; `pytest -m scenarios` plays the others, and `-m ''` all 300.
A failure prints its scenario; `pytest tests/live/test_scenarios.py -m '' -k '[17]'` plays number
17 again. TWTOP_SEED asks for other scenarios than the usual ones.
"""

import errno
import os

import pytest

from tests.live.report import KINDS
from tests.live.scenarios import Outcome, Scenario, TooSlow, generate, play
from tests.private import Lab

SEED = int(os.environ.get("TWTOP_SEED", "1"))
USUAL, COUNT = 40, 300
TRIES = 3


@pytest.mark.live
@pytest.mark.parametrize(
    "number",
    [
        *range(USUAL),
        *(pytest.param(number, marks=pytest.mark.scenarios) for number in range(USUAL, COUNT)),
    ],
)
def test_connect_does_what_the_report_said(lab: Lab, number: int) -> None:
    scenario = generate(SEED, number)
    assert scenario == generate(SEED, number)
    outcome = _play(lab, scenario)
    connected, error = outcome.verdict
    told = Outcome(
        before=dict.fromkeys(KINDS, connected),
        verdict=outcome.verdict,
        after=dict.fromkeys(KINDS, 0),
    )
    assert error == errno.EADDRNOTAVAIL, scenario
    assert outcome == told, scenario


def _play(lab: Lab, scenario: Scenario) -> Outcome:
    for _ in range(TRIES):
        try:
            return lab.call(play, scenario)
        except TooSlow as slow:
            reason = slow
        except Exception as error:
            error.add_note(str(scenario))
            raise
    pytest.skip(f"this machine was too slow {TRIES} times: {reason}")
