import pytest

from tests.tables import Clock
from tui.kernel import effort
from tui.kernel.effort import WAITING, Effort


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(effort, "time", made)
    return made


def test_work_spends_it(clock: Clock) -> None:
    made = Effort(0.5)
    clock.now, clock.cpu = clock.now + 0.5, clock.cpu + 0.5
    assert not made.spent()
    clock.now, clock.cpu = clock.now + 0.1, clock.cpu + 0.1
    assert made.spent()


def test_waiting_for_a_processor_does_not(clock: Clock) -> None:
    """At a load of 14 a millisecond of work can take a second."""
    clock.cpu = 7.0
    made = Effort(0.5)
    clock.now, clock.cpu = clock.now + 0.5 + WAITING, clock.cpu + 0.01
    assert not made.spent()


def test_waiting_for_ever_does(clock: Clock) -> None:
    made = Effort(0.5)
    clock.now += 0.6 + WAITING
    assert made.spent()
