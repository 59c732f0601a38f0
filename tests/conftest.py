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


@pytest.fixture(autouse=True, scope="session")
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, nor any process it starts, depends on what the user has configured or saved."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield
