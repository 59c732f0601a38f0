"""Fixtures that tests of several folders share."""

from collections.abc import Iterator

import pytest

from tui.lab.process import Lab
from tui.lab.refusal import Unavailable


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Real sockets in private network namespaces, one for each call; skips where not permitted."""
    try:
        with Lab() as made:
            yield made
    except Unavailable as reason:
        pytest.skip(str(reason))
