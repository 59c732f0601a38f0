from tests.tables import Sock, frame, listener, waiting
from tui.analysis.owners import holders
from tui.kernel.processes import Process
from tui.kernel.sockets import State

NGINX, CURL = Process(10, "nginx"), Process(20, "curl")


def test_the_process_with_most_of_a_patterns_sockets() -> None:
    made = frame(*(Sock(local_port=40000 + inode, inode=inode) for inode in (1, 2, 3)))
    by_inode = {1: CURL, 2: NGINX, 3: NGINX}
    assert holders(made.table, made.patterns, by_inode, 10) == {0: NGINX}


def test_a_time_wait_has_no_holder() -> None:
    made = frame(waiting())
    assert holders(made.table, made.patterns, {0: NGINX}, 10) == {}


def test_an_inode_that_nobody_is_seen_to_hold() -> None:
    made = frame(Sock(inode=1))
    assert holders(made.table, made.patterns, {2: NGINX}, 10) == {}


def test_a_listener_is_in_no_pattern() -> None:
    made = frame(listener(inode=1), Sock(local_port=80, inode=2))
    assert holders(made.table, made.patterns, {1: NGINX, 2: CURL}, 10) == {0: CURL}


def test_only_the_first_patterns_are_looked_at() -> None:
    found = [Sock(local_port=port, remote="10.0.0.7", inode=port) for port in (40000, 40001)]
    made = frame(*found, Sock(inode=9))
    by_inode = {40000: NGINX, 9: CURL}
    assert holders(made.table, made.patterns, by_inode, 1) == {0: NGINX}
    assert holders(made.table, made.patterns, by_inode, 2) == {0: NGINX, 1: CURL}


def test_incoming_connections_that_are_all_time_wait_are_the_listeners() -> None:
    over = Sock(local_port=80, state=State.TIME_WAIT, timer=3, remaining_ms=9)
    made = frame(listener(inode=1), over, waiting())
    at_80 = next(i for i in range(2) if made.patterns.local_port[i] == 80)
    assert holders(made.table, made.patterns, {1: NGINX}, 10) == {at_80: NGINX}


def test_who_holds_the_connections_goes_before_who_listens() -> None:
    made = frame(listener(inode=1), Sock(local_port=80, inode=2))
    assert holders(made.table, made.patterns, {1: NGINX, 2: CURL}, 10) == {0: CURL}


def test_a_port_that_two_processes_listen_on_says_nothing() -> None:
    over = Sock(local_port=80, state=State.TIME_WAIT, timer=3, remaining_ms=9)
    made = frame(listener(inode=1), listener("10.0.0.5", inode=2), over)
    assert holders(made.table, made.patterns, {1: NGINX, 2: CURL}, 10) == {}
