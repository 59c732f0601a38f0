"""What was applied is undone to the byte, wherever either of the two was interrupted."""

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acting.scene import HERE, PORT, fill, serving, twtop
from tests.forked import Ended
from tests.private import Lab
from tui.acting import applying, journal
from tui.acting.applying import FILE, SYSCTL_D
from tui.acting.journal import JournalError, journal_path, opened
from tui.acting.settings import NAMES, RANGE, RESERVED
from tui.kernel import namespaces
from tui.kernel.namespaces import system
from tui.kernel.places import Place, place_at
from tui.kernel.sysctls import read_value, write_value
from tui.lab.namespace import peer, sysctl, unshare_network

pytestmark = pytest.mark.live

REUSE = "net.ipv4.tcp_tw_reuse"
PROC = Path("/proc")
CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2
EXITED = 77
NOBODY = 65_534
WANTED = {RESERVED: "40100-40150,41000", RANGE: "1024 65535", REUSE: "1"}
LONG = ",".join(f"{port}" for port in range(10_001, 30_000, 2))
"""120 kB of ports, which the kernel takes in pieces only."""


@contextmanager
def own_folders() -> Iterator[None]:
    """Empty folders where the journal and the settings for each boot are, for this process."""
    system("unshare", CLONE_NEWNS)
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE)
    folders = (SYSCTL_D, journal.ROOTS.parent)
    for folder in folders:
        _mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0)
    (SYSCTL_D / "10-others.conf").write_text("net.ipv4.tcp_tw_reuse = 2\n")
    try:
        yield
    finally:
        for folder in folders:
            namespaces.LIBC.umount2(str(folder).encode(), MNT_DETACH)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int) -> None:
    if namespaces.LIBC.mount(source, target, kind, flags, None):
        raise OSError(namespaces.ctypes.get_errno(), f"mount {target!r}")  # type: ignore[attr-defined]


class State(NamedTuple):
    """All that an undo has to bring back."""

    sysctls: dict[str, str | None]
    files: dict[str, bytes]


def state() -> State:
    return State(
        {name: read_value(PROC, name) for name in NAMES},
        {path.name: path.read_bytes() for path in SYSCTL_D.iterdir()},
    )


def run_apply() -> None:
    from tui.acting.settings import changes

    place = place_at(PROC)
    made = changes(WANTED, applying.present(place))
    with opened(journal_path()) as book:
        applying.apply(place, made, book, SYSCTL_D)


def run_undo() -> list[str]:
    with opened(journal_path()) as book:
        return [one.how for one in applying.undo(book)]


CALLS = ("open", "write", "fsync", "replace", "unlink")


def interrupted(work: Callable[[], object], step: int, kill: bool) -> bool:
    """Do this in a process that ends just before, or after, its Nth call that writes.

    Says whether it got so far as to be ended.
    """
    child = os.fork()
    if not child:
        try:
            left = step

            def counted(call: Callable[..., Any]) -> Callable[..., Any]:
                def maybe(*args: Any, **kwargs: Any) -> Any:
                    nonlocal left
                    left -= 1
                    if not left and kill:
                        os._exit(EXITED)
                    try:
                        return call(*args, **kwargs)
                    finally:
                        if not left:
                            os._exit(EXITED)

                return maybe

            for name in CALLS:
                setattr(os, name, counted(getattr(os, name)))
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, EXITED)
    return code == EXITED


def every_interruption() -> tuple[int, int, list[tuple[str, int, State, State]]]:
    """The steps there are, and where an interruption left something behind."""
    wrong, steps = [], {}
    for what in ("apply", "undo"):
        step = 0
        going = True
        while going:
            step += 1
            for kill in (True, False):
                with own_folders():
                    before = state()
                    if what == "apply":
                        going = interrupted(run_apply, step, kill)
                    else:
                        run_apply()
                        assert state() != before
                        going = interrupted(run_undo, step, kill)
                    run_undo()
                    if (after := state()) != before:
                        wrong.append((what, step, before, after))
        steps[what] = step - 1
    return steps["apply"], steps["undo"], wrong


def test_an_undo_brings_back_every_byte_after_an_interruption_at_any_step(lab: Lab) -> None:
    applied, undone, wrong = lab.call(every_interruption)
    assert applied > 12
    assert undone > 12
    assert wrong == []


def restored_in_order() -> tuple[list[list[str]], list[State]]:
    sysctl("ipv4.ip_local_reserved_ports", LONG)
    with own_folders():
        seen = [state()]
        for value in ("1", "0", "2"):
            assert twtop("apply", f"{REUSE}={value}", "--yes", "--persist").code == 0
            seen.append(state())
        assert twtop("apply", f"{RESERVED}=", f"{RANGE}=2000 65000", "--yes").code == 0
        hows = [run_undo(), run_undo()]
        seen.append(state())
        return hows, seen


def test_several_changes_are_undone_the_last_one_first(lab: Lab) -> None:
    hows, (before, *between, after) = lab.call(restored_in_order)
    # To 2, which it was: no change but for the file.
    assert hows == [["restored"] * 8, []]
    assert before == after
    assert [one.sysctls[REUSE] for one in between] == ["1", "0", "2"]
    assert before.sysctls[RESERVED] == LONG
    assert all(one.files.keys() - before.files.keys() == {FILE} for one in between)


def changed_by_others() -> tuple[list[Ended], list[str | None], bytes]:
    with own_folders():
        twtop("apply", f"{REUSE}=1", f"{RANGE}=1024 65535", "--yes", "--persist")
        write_value(PROC, REUSE, "0")
        (SYSCTL_D / FILE).write_text("# mine now\n")
        undone = [twtop("undo", "--yes")]
        values = [read_value(PROC, REUSE), read_value(PROC, RANGE)]
        mine = (SYSCTL_D / FILE).read_bytes()
        undone.append(twtop("apply", f"{REUSE}=1", "--yes", "--persist"))
        undone.append(twtop("undo", "--yes", "--force"))
        return undone, [*values, read_value(PROC, REUSE)], mine


def test_what_somebody_else_has_changed_since_is_theirs(lab: Lab) -> None:
    (undone, applied, forced), values, mine = lab.call(changed_by_others)
    assert undone.code == 1
    assert REUSE in undone.out
    assert values == ["0", "32768 60999", "2"]
    assert mine == b"# mine now\n"
    assert (applied.code, forced.code) == (2, 0)


def by_command() -> tuple[list[Ended], list[str | None], int, dict[str, Any], list[int]]:
    with own_folders(), serving() as server:
        sysctl("ipv4.ip_local_port_range", "40000 41999")
        fill(server, HERE, 50)
        call = ("apply", f"{REUSE}=1")
        ended, values = [], []
        for arguments in (
            call,
            (*call, "--yes", "--dry-run"),
            ("apply", "net.ipv4.tcp_fin_timeout=10", "--yes"),
            ("apply", REUSE, "--yes"),
            (*call, "--yes"),
            (*call, "--yes"),
            ("undo",),
            ("undo", "--list"),
            ("undo", "--yes"),
            ("undo", "--yes"),
        ):
            ended.append(twtop(*arguments))
            values.append(read_value(PROC, REUSE))
        path = journal_path()
        record = json.loads(path.read_text().splitlines()[-2])
        return ended, values, stat.S_IMODE(path.stat().st_mode), record, [os.getuid()]


def test_apply_and_undo_as_commands(lab: Lab) -> None:
    ended, values, mode, record, (uid,) = lab.call(by_command)
    assert [one.code for one in ended] == [2, 0, 2, 2, 0, 0, 2, 0, 0, 0]
    assert values == ["0"] * 4 + ["1"] * 4 + ["0"] * 2
    assert mode == 0o600
    told = {name: record["change"][name] for name in ("name", "before", "after", "uid")}
    assert told == {"name": REUSE, "before": "0", "after": "1", "uid": uid}
    assert REUSE in ended[7].out
    assert f"{HERE}:{PORT}" in ended[4].out


def by_nobody() -> tuple[int, str | None]:
    """The exit code of an apply by another user."""
    from tui.cli import cli
    from tui.commands import apply as command  # loaded before it may not be read

    assert command
    before = read_value(PROC, REUSE)
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.environ["XDG_STATE_HOME"] = "/nowhere"
        try:
            cli.main(["apply", f"{REUSE}=1", "--yes"], "twtop", standalone_mode=False)
        except SystemExit as ended:
            os._exit(int(ended.code or 0))
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, before if read_value(PROC, REUSE) == before else None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_may_not(lab: Lab) -> None:
    assert lab.call(by_nobody) == (3, "2")


def elsewhere() -> tuple[Ended, str | None, str | None, Ended, str | None, list[str]]:
    """Applied by -N in a neighbour, and undone from here; then the neighbour has ended."""
    with own_folders():
        with peer() as neighbour:
            child = os.fork()
            if not child:
                with neighbour.inside():
                    os.execlp("sleep", "sleep", "600")
            from tests.patience import until

            until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", "a process there")
            call = ("apply", f"{REUSE}=1", "--yes", "-N", str(child))
            applied = twtop(*call)
            here = read_value(PROC, REUSE)
            with neighbour.inside():
                there = read_value(PROC, REUSE)
            undone = twtop("undo", "--yes")
            with neighbour.inside():
                back = read_value(PROC, REUSE)
            twtop(*call)
            os.kill(child, 9)
            os.waitpid(child, 0)
        unshare_network()
        return applied, here, there, undone, back, run_undo()


def test_a_change_in_another_place_is_undone_there(lab: Lab) -> None:
    applied, here, there, undone, back, ended = lab.call(elsewhere)
    assert (applied.code, here, there) == (0, "2", "1")
    assert (undone.code, back) == (0, "2")
    assert ended == ["gone with its place"]


class TestJournal:
    def test_a_line_cut_off_is_no_change(self, tmp_path: Path) -> None:
        path = tmp_path / "twtop/journal.jsonl"
        with opened(path) as book:
            entry = book.note(**KNOWN)
        whole = path.read_bytes()
        path.write_bytes(whole + whole[:40])
        with opened(path) as book:
            assert book.outstanding == [entry]
            book.close_case(entry, "restored")
        with opened(path) as book:
            assert book.outstanding == []
            assert book.note(**KNOWN).id == entry.id + 1

    def test_a_link_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "journal.jsonl").symlink_to(tmp_path / "elsewhere")
        with (
            pytest.raises(JournalError, match=os.strerror(errno.ELOOP)),
            opened(tmp_path / "journal.jsonl"),
        ):
            pass
        assert not (tmp_path / "elsewhere").exists()

    def test_a_reboot_ends_what_was_not_to_last(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(tmp_path / "journal.jsonl") as book:
            book.note(**KNOWN)
            monkeypatch.setattr(applying, "boot_id", lambda: "another")
            assert [one.how for one in applying.undo(book)] == ["gone with its place"]

    def test_it_is_the_users_where_that_is_not_root(self) -> None:
        assert journal_path({"XDG_STATE_HOME": "/s"}, 1000) == Path("/s/twtop/journal.jsonl")
        assert journal_path({"XDG_STATE_HOME": "/s"}, 0) == Path("/var/lib/twtop/journal.jsonl")


KNOWN: dict[str, Any] = {
    "place": "host",
    "way": "/proc/thread-self/ns/net",
    "network": journal.Network(1, 2),
    "kind": "sysctl",
    "name": REUSE,
    "before": "2",
    "after": "1",
    "lasting": False,
}


def test_nothing_is_kept_at_boot_for_a_named_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    named = Place(Path("/proc"), "blue", "named", 7)
    monkeypatch.setattr("tui.commands.apply.live_place", lambda *_: named)
    said = twtop("apply", f"{REUSE}=1", "--yes", "--persist")
    assert (said.code, "netns blue" in said.err) == (2, True)
