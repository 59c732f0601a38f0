"""Commands run in this process, as `twtop` would run them."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tui.cli import main
from tui.kernel.source import Reading, Source


class Ran(NamedTuple):
    """What a command returned and wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, which is one line of JSON."""
        assert (self.err, self.out.count("\n")) == ("", 1)
        return json.loads(self.out)


class Run:
    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._patch = patch
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        """Run main() with these arguments."""
        self._patch.setattr(sys, "argv", ["twtop", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out, err)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home, with nothing in it: `config` and `state` are where XDG has them."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which procfs was read, at each reading of the tables."""
    seen: list[Path] = []
    read = Source.read

    def note(source: Source) -> Reading:
        seen.append(source.place.root)
        return read(source)

    monkeypatch.setattr(Source, "read", note)
    return seen
