"""Places by the names that users have for them."""

import os
from pathlib import Path

import pytest

from tests.patience import until
from tests.private import Lab
from tui.kernel.find_place import PlaceError, find_place
from tui.kernel.namespaces import network_cookie
from tui.kernel.places import HERE
from tui.lab.namespace import peer


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
