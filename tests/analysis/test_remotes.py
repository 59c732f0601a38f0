from collections import Counter

from hypothesis import given

from tests.tables import Sock, crossing, frame, listener, socks, steady, table, waiting
from tui.analysis.remotes import count_remotes
from tui.kernel.sockets import State


def test_the_busiest_stands_first() -> None:
    found = table(
        Sock(remote="10.0.0.7"),
        Sock(remote="10.0.0.8"),
        waiting(40001, remote="10.0.0.8"),
        listener(),
    )
    remotes = count_remotes(found)
    assert [found.ip(ip) for ip in remotes.ip] == ["10.0.0.8", "10.0.0.7"]
    assert remotes.total.tolist() == [2, 1]
    assert remotes.states[0, State.TIME_WAIT] == remotes.states[0, State.ESTABLISHED] == 1


def test_listeners_have_no_remote() -> None:
    assert len(count_remotes(table(listener(), listener("::")))) == 0
    assert len(count_remotes(table())) == 0


def test_mapped_and_plain_addresses_are_one() -> None:
    found = table(Sock(), Sock("::ffff:10.0.0.5", 40001, "::ffff:10.0.0.9"))
    assert count_remotes(found).total.tolist() == [2]


@given(crossing)
@steady
def test_as_in_plain_python(found: list[Sock]) -> None:
    made = frame(*found)
    remotes = made.remotes
    expected = Counter(
        (sock.remote, sock.state) for sock in socks(made.table) if sock.state != State.LISTEN
    )
    counted = {
        (made.table.ip(ip), State(state)): int(count)
        for ip, states in zip(remotes.ip, remotes.states, strict=True)
        for state, count in enumerate(states)
        if count
    }
    assert counted == expected
    assert remotes.total.tolist() == remotes.states.sum(axis=1).tolist()
    assert remotes.total.tolist() == sorted(remotes.total.tolist(), reverse=True)
    assert remotes.total.sum() == len(made.table) - made.states[State.LISTEN]
