"""Files appear whole or not at all, and nobody can lay a link in the way."""

import errno
import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from tui.writing import files
from tui.writing.files import read_whole, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def five(file: BinaryIO) -> int:
    return file.write(b"whole")


def test_it_returns_what_was_returned(tmp_path: Path) -> None:
    path = tmp_path / "out"
    assert write_whole(path, five) == 5
    assert (path.read_bytes(), names(tmp_path)) == (b"whole", ["out"])


@pytest.mark.parametrize(
    ("mode", "umask", "found"), [(0o600, 0, 0o600), (0o666, 0o022, 0o644), (0o666, 0o077, 0o600)]
)
def test_who_may_read_it(tmp_path: Path, mode: int, umask: int, found: int) -> None:
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "out", five, mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == found


def test_by_default_only_its_owner(tmp_path: Path) -> None:
    """Also where the old one was open to all."""
    path = tmp_path / "out"
    path.touch(0o666)
    write_whole(path, five)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_in_its_place_is_replaced_not_followed(tmp_path: Path, dangling: bool) -> None:
    target, path = tmp_path / "target", tmp_path / "out"
    if not dangling:
        target.write_text("precious")
    path.symlink_to(target)
    write_whole(path, five)
    assert not path.is_symlink()
    assert path.read_bytes() == b"whole"
    assert not target.exists() if dangling else target.read_text() == "precious"


def test_a_link_in_the_new_ones_place_is_refused_and_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if somebody had foreseen its name."""
    monkeypatch.setattr(os, "urandom", bytes)
    link = tmp_path / f".twtop-{bytes(8).hex()}.part"
    link.symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "out", five)
    assert names(tmp_path) == [link.name]


def test_its_name_cannot_be_foreseen(tmp_path: Path) -> None:
    found = set()

    def note(_: BinaryIO) -> None:
        found.update(names(tmp_path))

    for _ in range(3):
        write_whole(tmp_path / "out", note)
        (tmp_path / "out").unlink()
    assert len(found) == 3


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, ValueError])
def test_what_was_there_stays_when_it_fails(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out"
    path.write_text("old")

    def broken(file: BinaryIO) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_whole(path, broken)
    assert (path.read_text(), names(tmp_path)) == ("old", ["out"])


class TestPipes:
    """The shell makes one of `<(command)`: what comes is waited for, but not where nothing does."""

    def test_one_is_read_to_its_end(self) -> None:
        reading, writing = os.pipe()

        def write() -> None:
            for part in (b"a" * 70_000, b"b" * 70_000):
                os.write(writing, part)
            os.close(writing)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = read_whole(Path(f"/dev/fd/{reading}"))
        finally:
            writer.join()
            os.close(reading)
        assert found == b"a" * 70_000 + b"b" * 70_000

    @pytest.mark.parametrize("silent", [False, True])
    def test_one_that_nobody_writes_to_is_not_waited_for_long(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool
    ) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        monkeypatch.setattr(files, "SILENT_SECONDS" if silent else "ABSENT_SECONDS", 0.05)
        writer = os.open(path, os.O_RDWR) if silent else -1
        try:
            with pytest.raises(OSError, match="pipe") as refused:
                read_whole(path)
        finally:
            if silent:
                os.close(writer)
        assert refused.value.errno == errno.ETIMEDOUT

    def test_what_never_ends_is_refused(self) -> None:
        with pytest.raises(OSError, match="zero") as refused:
            read_whole(Path("/dev/zero"), 9)
        assert refused.value.errno == errno.EFBIG
        assert read_whole(Path("/dev/null")) == b""
