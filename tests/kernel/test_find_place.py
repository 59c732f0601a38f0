"""Places by the names that users have for them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.patience import until
from tests.private import Lab
from tui.kernel.find_place import PlaceError, find_place
from tui.kernel.namespaces import network_cookie, system
from tui.kernel.places import HERE, Place, number_of
from tui.kernel.sockets import TableError
from tui.kernel.source import Source, SourceChoice
from tui.lab.namespace import peer

CLONE_NEWNS = 0x00020000


@pytest.mark.parametrize("name", ["nowhere", "/nowhere", "999999999", "/etc/hostname"])
def test_what_is_no_place_is_one_line(name: str) -> None:
    with pytest.raises(PlaceError) as error:
        find_place(name)
    assert "\n" not in str(error.value)
    assert name in str(error.value)


def neighbour() -> list[tuple[int | None, int | None, bool]]:
    """Inode and cookie of a neighbour by its PID and by path, and whether it has sysctls."""
    with peer() as other:
        child = os.fork()
        if not child:
            with other.inside():
                os.execlp("sleep", "sleep", "600")
        until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "a process there")
        with other.inside():
            found: list[tuple[int | None, int | None, bool]] = [
                (HERE.stat().st_ino, network_cookie(), True)
            ]
        for name in (str(child), f"/proc/{child}", f"/proc/{child}/ns/net"):
            place = find_place(name)
            assert place.settings is not None
            there = (place.settings / "sys/net/ipv4").is_dir()
            found.append((place.id, place.inside(network_cookie), there))
        here = find_place("/proc/self/ns/net")
        assert here.network == HERE
        os.kill(child, 9)
        os.waitpid(child, 0)
        return found


@pytest.mark.live
def test_a_process_and_a_path_lead_to_the_same_place(lab: Lab) -> None:
    first, *others = lab.call(neighbour)
    assert others == [first] * 3


def kept_and_deleted(file: Path, choice: SourceChoice) -> tuple[int, int, Place, str]:
    """Counters of a named namespace with and without its process, and what is said at the end."""
    system("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    file.touch()
    subprocess.run(["unshare", f"--net={file}", "true"], check=True)
    child = subprocess.Popen(["nsenter", f"--net={file}", "sleep", "600"])
    try:
        until(lambda: number_of(Path(f"/proc/{child.pid}/ns/net")) == number_of(file), "a process")
        source = Source(find_place(str(file)), choice, 1.0)
        assert source.place.pid == child.pid
        before = len(source.read().counters)
    finally:
        child.kill()
        child.wait()
    alone = source.read()
    subprocess.run(["umount", str(file)], check=True)
    file.unlink()
    with pytest.raises(TableError) as error:
        source.read()
    return before, len(alone.counters), alone.place, str(error.value)


@pytest.mark.live
@pytest.mark.parametrize("choice", ["auto", "proc"])
def test_a_named_namespace_outlives_its_process_and_then_is_gone(
    lab: Lab, tmp_path: Path, choice: SourceChoice
) -> None:
    """Its files were read by that process's directory; `ip netns del` then ends it."""
    before, after, place, said = lab.call(kept_and_deleted, tmp_path / "tr9-b", choice)
    assert before == after > 100
    assert place.pid is None
    assert "tr9-b is gone" in said
    assert "/proc" not in said


def test_what_may_not_be_looked_at_is_said_to_be_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows then whether it is a namespace's file."""

    look = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied")
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(PlaceError, match="Permission denied"):
        find_place(str(tmp_path))
