"""Fixtures that tests of several folders share."""

import gc
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import private
from tests.patience import limit
from tests.private import Lab
from tui.lab.refusal import Unavailable

LONGEST_NAME = 100


def pytest_configure() -> None:
    """Make the processes of a test what they are elsewhere, wherever the suite itself runs."""
    settings.register_profile("any-load", deadline=None)  # a busy machine fails nothing
    settings.load_profile("any-load")
    # A job in the background of a script ignores it, and so would all that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a long parameter by its length: each process keeps the name of each test."""
    if isinstance(val, (str, bytes)) and len(val) > LONGEST_NAME:
        return f"{argname} of {len(val)}"
    return None


def pytest_collection_finish() -> None:
    """Let the collector leave alone what stays: else a fifth of a screen's test is its work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Collect once: pytest does five times more, which then have next to nothing to look at."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Real sockets in private network namespaces, one for each call; skips where not permitted."""
    private.CALL_SECONDS = round(limit(600))  # a call may hold a whole test
    try:
        with Lab() as made:
            yield made
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True, scope="session")
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, nor any process it starts, depends on what the user has configured or saved.

    Nor on the width of the terminal that pytest runs in, by which text is wrapped. And no
    process compiles again what one before it has compiled, or has threads for algebra: a sixth
    of a start is theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        patch.setenv("COLUMNS", "80")
        patch.setenv("LINES", "24")
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield
