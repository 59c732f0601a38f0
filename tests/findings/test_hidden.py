"""Settings in a folder that is somebody else's: not to be searched is not to be unreadable."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tui.commands.configuration import load
from tui.commands.options import Settings
from tui.findings.config import Config, ConfigError

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_hidden_file_is_as_none_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "root"))
    file = tmp_path / "root/twtop/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[ports]\nthreshold = 5\n")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o711)
    (tmp_path / "root").chmod(0o700)
    with as_nobody():
        assert load(Settings()) == Config()
    err = capsys.readouterr().err
    assert (err.count("\n"), str(file) in err) == (1, True)
    (tmp_path / "root").chmod(0o755)
    file.chmod(0o600)
    with as_nobody(), pytest.raises(ConfigError, match="cannot be read"):
        load(Settings())
