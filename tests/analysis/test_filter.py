from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import Sock, crossing, frame, listener, socks, steady, waiting
from tui.analysis.expressions import FilterError
from tui.analysis.filter import STATE_GROUPS, STATE_NAMES, parse_filter
from tui.kernel.sockets import State

FOUND = [
    Sock("10.0.0.5", 40000, "10.0.0.9", 5432),
    waiting(40001, local="10.0.0.5", remote="10.0.0.9", remote_port=5432),
    Sock("10.0.0.5", 40002, "10.0.1.1", 443, State.CLOSE_WAIT),
    Sock("2001:db8::5", 40003, "2001:db8::9", 443, State.SYN_SENT),
    Sock("::ffff:10.0.0.5", 40004, "::ffff:10.0.0.9", 5432),
    Sock("127.0.0.1", 54320, "127.0.0.1", 80, State.FIN_WAIT2),
    listener("0.0.0.0", 80),
    listener("::", 8080),
]
FRAME = frame(*FOUND)
EVERYTHING = list(range(len(FOUND)))
WORDS = ("not", "and", "or", "state", "dport", "dst", "use", "50%", "443", "10.0.0.9", "time-wait")


def chosen(text: str) -> list[int]:
    """The positions in FOUND of the sockets that pass."""
    made = parse_filter(text)
    assert made is not None
    rows = made.rows(FRAME)
    assert rows.dtype == bool
    assert len(rows) == len(FOUND)
    return [index for index, passes in enumerate(rows.tolist()) if passes]


def refusal(text: str) -> str:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    return str(caught.value)


class TestConditions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("state established", [0, 4]),
            ("state estab", [0, 4]),
            ("state time-wait", [1]),
            ("state TIME_WAIT", [1]),
            ("state timewait,syn-sent", [1, 3]),
            ("state fin-wait-2", [5]),
            ("state fin-wait2", [5]),
            ("state listening", [6, 7]),
            ("state all", EVERYTHING),
            ("state connected", [0, 1, 2, 3, 4, 5]),
            ("state synchronized", [0, 1, 2, 4, 5]),
            ("state bucket", [1]),
            ("state big", [0, 2, 3, 4, 5, 6, 7]),
            ("exclude listen", [0, 1, 2, 3, 4, 5]),
            ("exclude established,listen", [1, 2, 3, 5]),
        ],
    )
    def test_states_as_ss_names_them(self, text: str, expected: list[int]) -> None:
        assert chosen(text) == expected

    @pytest.mark.parametrize("state", State)
    def test_every_state_goes_by_its_label(self, state: State) -> None:
        assert STATE_NAMES[state.label.lower()] == {state}

    def test_the_groups_that_are_opposites(self) -> None:
        assert STATE_GROUPS["bucket"] | STATE_GROUPS["big"] == STATE_GROUPS["all"]
        assert not STATE_GROUPS["bucket"] & STATE_GROUPS["big"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("dport 5432", [0, 1, 4]),
            ("dport :5432", [0, 1, 4]),
            ("dport = :5432", [0, 1, 4]),
            ("dport == 5432", [0, 1, 4]),
            ("dport=5432", [0, 1, 4]),
            ("dport != 5432", [2, 3, 5, 6, 7]),
            ("dport 80,443", [2, 3, 5]),
            ("dport != 80,5432", [2, 3, 6, 7]),
            ("dport 80-443", [2, 3, 5]),
            ("dport != 80-5432", [6, 7]),
            ("dport 0,80-443", [2, 3, 5, 6, 7]),
            ("dport > 443", [0, 1, 4]),
            ("dport >= 443", [0, 1, 2, 3, 4]),
            ("dport < 443", [5, 6, 7]),
            ("dport <= 443", [2, 3, 5, 6, 7]),
            ("sport 40000", [0]),
            ("sport >= :54320", [5]),
            ("sport 0-65535", EVERYTHING),
        ],
    )
    def test_ports(self, text: str, expected: list[int]) -> None:
        assert chosen(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("dst 10.0.0.9", [0, 1, 4]),
            ("dst = 10.0.0.9", [0, 1, 4]),
            ("dst != 10.0.0.9", [2, 3, 5, 6, 7]),
            ("dst 10.0.0.0/24", [0, 1, 4]),
            ("dst 10.0.0.77/8", [0, 1, 2, 4]),
            ("dst ::ffff:10.0.0.9", [0, 1, 4]),
            ("dst ::ffff:10.0.0.0/104", [0, 1, 2, 4]),
            ("dst 0.0.0.0/0", [0, 1, 2, 4, 5, 6]),
            ("dst ::/0", EVERYTHING),
            ("dst *", EVERYTHING),
            ("dst 2001:db8::/32", [3]),
            ("dst 2001:db8::9", [3]),
            ("dst [2001:db8::9]", [3]),
            ("dst [2001:db8::9]:443", [3]),
            ("dst [2001:db8::9]:80", []),
            ("dst 10.0.1.1:443", [2]),
            ("dst 10.0.1.1:80-443", [2]),
            ("dst 10.0.0.0/8:443", [2]),
            ("dst :443", [2, 3]),
            ("dst *:443", [2, 3]),
            ("dst != 10.0.1.1:443", [0, 1, 3, 4, 5, 6, 7]),
            ("src 10.0.0.5", [0, 1, 2, 4]),
            ("src 10.0.0.5:40002", [2]),
            ("src 127.0.0.0/8", [5]),
            ("src ::", [7]),
            ("src 0.0.0.0", [6]),
        ],
    )
    def test_addresses_and_networks(self, text: str, expected: list[int]) -> None:
        assert chosen(text) == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("10.0.0.9", [0, 1, 4]),
            ("10.0.", [0, 1, 2, 4]),
            ("2001:db8", [3]),
            ("2001:DB8::9", [3]),
            ("[2001:db8::9]:443", [3]),
            ("10.0.0.9:5432", [0, 1, 4]),
            ("10.0.0.9:54", [0, 1, 4]),
            ("10.0.0.9:432", []),
            (".9:5432", [0, 1, 4]),
            ("5432", [0, 1, 4, 5]),
            ("432", [0, 1, 4, 5]),
            (":443", [2, 3]),
            ("10.0.0.9:", [0, 1, 4]),
            ("nginx", []),
        ],
    )
    def test_any_other_word_is_looked_for_in_addresses_and_ports(
        self, text: str, expected: list[int]
    ) -> None:
        assert chosen(text) == expected


class TestUse:
    FRAME = frame(
        *(waiting(port, remote="10.0.0.7") for port in range(40000, 40006)),
        *(waiting(port, remote="10.0.0.8") for port in range(40000, 40005)),
        waiting(40000),
        listener(),
    )

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("use > 50%", {"10.0.0.7"}),
            ("use > 50", {"10.0.0.7"}),
            ("use >= 50%", {"10.0.0.7", "10.0.0.8"}),
            ("use < 50%", {"10.0.0.9"}),
            ("use = 10%", {"10.0.0.9"}),
            ("use > 99.5%", set()),
            ("use>=50% and use<55%", {"10.0.0.8"}),
            ("not use > 50%", {"10.0.0.8", "10.0.0.9", "0.0.0.0"}),
        ],
    )
    def test_by_the_share_of_the_patterns_ports(self, text: str, expected: set[str]) -> None:
        made = parse_filter(text)
        assert made is not None
        rows = made.rows(self.FRAME).tolist()
        found = socks(self.FRAME.table)
        assert {sock.remote for sock, passes in zip(found, rows, strict=True) if passes} == expected

    def test_a_pattern_passes_with_one_of_its_sockets(self) -> None:
        mixed = frame(waiting(40000), Sock(local_port=40001), Sock(remote="10.0.0.7"), listener())
        made = parse_filter("state time-wait")
        assert made is not None
        passing = made.patterns(mixed)
        assert passing.tolist() == [True, False]
        assert mixed.patterns.key(0).remote_ip == "10.0.0.9"


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "same"),
        [
            ("dport 5432 state time-wait", "dport 5432 and state time-wait"),
            ("dport 5432 && state time-wait", "dport 5432 and state time-wait"),
            ("dport 5432 & state time-wait", "dport 5432 and state time-wait"),
            ("dport 5432 AND state time-wait", "dport 5432 and state time-wait"),
            ("dport 443 || sport 40000", "dport 443 or sport 40000"),
            ("dport 443 | sport 40000", "dport 443 or sport 40000"),
            ("dport 443 OR sport 40000", "dport 443 or sport 40000"),
            ("! dport 443", "not dport 443"),
            ("NOT dport 443", "not dport 443"),
            ("!dport 443", "not dport 443"),
            ("not not dport 443", "dport 443"),
            ("((dport 443))", "dport 443"),
            ("(dport 443)or(dport 80)", "dport 443 or dport 80"),
            ("  dport\t443 ", "dport 443"),
            # and binds closer than or, not closer than and
            (
                "dport 443 or dport 5432 and state time-wait",
                "dport 443 or (dport 5432 and state time-wait)",
            ),
            (
                "dport 5432 and state time-wait or dport 443",
                "(dport 5432 and state time-wait) or dport 443",
            ),
            ("not dport 443 and state estab", "(not dport 443) and state estab"),
            ("not dport 443 or dport 443", "state all"),
        ],
    )
    def test_what_means_the_same(self, text: str, same: str) -> None:
        assert chosen(text) == chosen(same)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("dport 443 or dport 5432 and state time-wait", [1, 2, 3]),
            ("(dport 443 or dport 5432) and state time-wait", [1]),
            ("not (dport 443 or dport 5432)", [5, 6, 7]),
            ("state estab and dst 10.0.0.0/8 and not sport = :40000", [4]),
        ],
    )
    def test_precedence(self, text: str, expected: list[int]) -> None:
        assert chosen(text) == expected

    @pytest.mark.parametrize("text", ["", " ", "\t\n"])
    def test_nothing_is_no_filter(self, text: str) -> None:
        assert parse_filter(text) is None

    def test_it_remembers_how_it_was_typed(self) -> None:
        made = parse_filter("  dport  443 ")
        assert made is not None
        assert made.text == "dport  443"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("state", "state needs a name"),
            ("state bogus", "“bogus” is not a state"),
            ("state time-wait,bogus", "“bogus” is not a state"),
            ("dport", "dport needs a port"),
            ("sport =", "sport needs a port"),
            ("dport http", "“http” is not a port"),
            ("dport 65536", "“65536” is not a port"),
            ("dport 443,", "“” is not a port"),
            ("dport 90-80", "“90-80” is not a port"),
            ("dport > 80-90", "a port range"),
            ("dst", "dst needs an address"),
            ("dst 10.0.0", "“10.0.0” is not an address"),
            ("dst 10.0.0.0/33", "“10.0.0.0/33” is not an address"),
            (
                "dst 2001:db8::9:443",
                "write [2001:db8::9]:443 or, without a port, [2001:db8::9:443]",
            ),
            (
                "not src = 2001:db8::9:443",
                "write [2001:db8::9]:443 or, without a port, [2001:db8::9:443]",
            ),
            ("dst 2001:db8::9:50000", "write [2001:db8::9]:50000"),
            ("dst example.org:80", "“example.org” is not an address"),
            ("dst 10.0.0.9:http", "“http” is not a port"),
            ("use 50%", "use needs a comparison"),
            ("use >", "use needs a percentage"),
            ("use > much", "“much” is not a percentage"),
            ("use > nan", "“nan” is not a percentage"),
            ("and dport 443", "missing condition before “and”"),
            ("dport 443 or or dport 80", "missing condition before “or”"),
            ("| dport 443", "missing condition before “|”"),
            ("= 443", "missing condition before “=”"),
            ("port = 443", "“port” cannot be compared; try `dport 443` or `use > 50%`"),
            ("dport 443 or", "missing condition"),
            ("not", "missing condition"),
            ("()", "missing condition"),
            ("(dport 443", "missing “)”"),
            ("dport 443)", "“)” is not expected here"),
        ],
    )
    def test_they_say_why(self, text: str, why: str) -> None:
        assert why in refusal(text)

    @given(
        st.lists(
            st.sampled_from([*"()>=!:,[-/", *WORDS]),
            max_size=7,
        ).map(" ".join)
        | st.text(max_size=20)
    )
    @steady
    def test_no_text_is_fatal(self, text: str) -> None:
        with suppress(FilterError):
            made = parse_filter(text)
            assert made is None or len(made.rows(FRAME)) == len(FOUND)


Condition = tuple[str, Callable[[Sock], bool]]

atoms: st.SearchStrategy[Condition] = st.sampled_from(
    [
        ("state time-wait", lambda sock: sock.state == State.TIME_WAIT),
        ("dport 443", lambda sock: sock.remote_port == 443),
        ("sport >= 40001", lambda sock: sock.local_port >= 40001),
        ("sport != 40000,40001", lambda sock: sock.local_port not in (40000, 40001)),
        ("dst 10.0.0.9", lambda sock: sock.remote == "10.0.0.9"),
        ("src 127.0.0.0/8", lambda sock: sock.local.startswith("127.")),
        ("0.0.", lambda sock: "0.0." in sock.local or "0.0." in sock.remote),
        ("db8::", lambda sock: "db8::" in sock.local or "db8::" in sock.remote),
        (
            ".9:80",
            lambda sock: (
                (sock.local.endswith(".9") and str(sock.local_port).startswith("80"))
                or (sock.remote.endswith(".9") and str(sock.remote_port).startswith("80"))
            ),
        ),
        ("é", lambda sock: False),
    ]
)


def combine(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    pairs = st.tuples(parts, parts)
    return (
        parts.map(lambda a: (f"not ({a[0]})", lambda sock: not a[1](sock)))
        | pairs.map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda s: p[0][1](s) and p[1][1](s)))
        | pairs.map(lambda p: (f"({p[0][0]}) or ({p[1][0]})", lambda s: p[0][1](s) or p[1][1](s)))
    )


@given(crossing, st.recursive(atoms, combine, max_leaves=5))
@steady
def test_as_in_plain_python(found: list[Sock], condition: Condition) -> None:
    text, passes = condition
    made = frame(*found)
    chosen = parse_filter(text)
    assert chosen is not None
    assert chosen.rows(made).tolist() == [passes(sock) for sock in socks(made.table)]
