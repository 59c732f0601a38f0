"""The dashboard as a person sees it, in terminals large and small."""

import re

from tests.e2e.terminal import ROOT, TWTOP, Terminal

PROXY = (*TWTOP, "--proc", str(ROOT / "tests/fixtures/6.18-proxy/proc"))
ESCAPE, ENTER, TAB, DOWN = "\x1b", "\r", "\t", "\x1b[B"


def test_all_panels_stand_on_a_screen_of_120_by_40() -> None:
    with Terminal(PROXY) as terminal:
        terminal.wait_for(
            "freed next second",
            "TIME-WAIT ─",
            "TCP states · 20,827 sockets",
            "Patterns · 24",
            "Remote IPs · 24",
            "Sysctls · 28,232 ports",
            lambda _: "○ COPY" in terminal.line(0),
            lambda _: "q Quit" in terminal.line(-1),
            re.compile(r"20,385 .* closing 464/s"),
            re.compile(r"10\.0\.0\.5 → 10\.0\.0\.9:5432 +12,210 +40 .* 43\.3%"),
        )
        terminal.press("q")
        assert terminal.wait() == 0


def test_the_main_job_can_be_done_on_80_by_24() -> None:
    with Terminal(PROXY, columns=80, rows=24) as terminal:
        terminal.wait_for(
            "10.0.0.5 → 10.0.0.9:5432",
            "TIME-WAIT 20,385 · ESTABLISHED 435",
            "28,232 per destination",
        )

        terminal.press(DOWN)
        terminal.wait_for(lambda text: "▌10.0.0.5 → 10.0.0.10:6379" in text)
        terminal.press(ENTER)
        terminal.wait_for(
            "Sockets · 4,966",
            re.compile(r"10\.0\.0\.10:6379 +TIME-WAIT"),
            lambda _: "10.0.0.5 → 10.0.0.10:6379" in terminal.line(0),
            "4,966 of 28,232 in use 17.5%",
        )

        terminal.press(ESCAPE)
        terminal.wait_for("Patterns · 24", "▌10.0.0.5 → 10.0.0.10:6379")

        terminal.press("/")
        terminal.wait_for("Filter:")
        terminal.press("dport 443" + ENTER)
        terminal.wait_for(
            "Patterns · 1 of 24",
            "10.0.0.5 → 10.0.0.11:443",
            lambda text: "10.0.0.9:5432 " not in text,
        )

        terminal.press(ESCAPE)
        terminal.wait_for("Patterns · 24")
        terminal.press(" ")
        terminal.wait_for(lambda _: "FROZEN" in terminal.line(0))
        terminal.press(" ")
        terminal.wait_for(lambda _: "COPY" in terminal.line(0))

        terminal.press("?")
        terminal.wait_for("twtop · help")
        terminal.press(ESCAPE)
        terminal.wait_for(lambda text: "help" not in text)
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_filter_that_cannot_be_read_says_why_and_changes_nothing() -> None:
    with Terminal(PROXY) as terminal:
        terminal.wait_for("Patterns · 24")
        terminal.press("/")
        terminal.wait_for("Filter:")
        terminal.press("dport nonsense" + ENTER)
        terminal.wait_for(lambda _: "nonsense" in terminal.line(-2).replace("dport nonsense", ""))
        assert "Patterns · 24" in terminal.text


def test_a_terminal_of_any_size_will_do() -> None:
    with Terminal(PROXY, columns=1, rows=1) as terminal:
        terminal.wait_for(lambda _: terminal.screen.alternate)
        for columns, rows in ((1, 1), (10, 3), (40, 10), (200, 60)):
            terminal.resize(columns, rows)
            for key in (
                ENTER,
                ESCAPE,
                "?",
                ESCAPE,
                "/",
                "x",
                ESCAPE,
                "m",
                "2",
                "s",
                DOWN,
                TAB,
                " ",
            ):
                terminal.press(key)
                # An escape closely followed by a key is that key with alt.
                terminal.settle(0.12 if key == ESCAPE else 0.03)
            assert terminal.process.poll() is None, terminal.text
        terminal.resize(120, 40)
        for _ in range(3):  # out of whatever is open; on a busy machine some were taken for alt
            terminal.press(ESCAPE)
            terminal.settle(0.5)
        terminal.press("1")
        terminal.wait_for("10.0.0.9")
        terminal.press("q")
        assert terminal.wait() == 0
        terminal.assert_clean()


def test_resizing_while_it_runs_is_followed_at_once() -> None:
    with Terminal(PROXY) as terminal:
        terminal.wait_for("Patterns · 24")
        for columns, rows in ((10, 3), (200, 60), (20, 5), (80, 24), (1, 1), (40, 10)):
            terminal.resize(columns, rows)
            terminal.settle(0.05)
        terminal.resize(120, 40)
        terminal.wait_for("TCP states · 20,827 sockets")
        terminal.press(ENTER)
        terminal.wait_for("Sockets · 12,250")
        for columns, rows in ((10, 3), (1, 1), (80, 24)):
            terminal.resize(columns, rows)
            terminal.settle(0.05)
        terminal.wait_for(lambda text: "10.0.0.9:5432" in text)
        assert terminal.process.poll() is None
        terminal.press("q")
        assert terminal.wait() == 0


def test_all_places_come_first_where_all_are_asked_for() -> None:
    with Terminal((*TWTOP, "-N", "all"), columns=100, rows=24) as terminal:
        terminal.wait_for("Places · ", "Worst tuple")
        terminal.press(ENTER)
        terminal.wait_for(lambda text: "Places · " not in text, "TIME-WAIT ")
        terminal.press("n")
        terminal.wait_for("Places · ")
        terminal.press("q")
        assert terminal.wait() == 0
