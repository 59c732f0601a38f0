"""Commands run in this process, and the readings counted, as in tests/commands."""

from tests.commands.conftest import home, reads, run

__all__ = ["home", "reads", "run"]
