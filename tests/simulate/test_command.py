"""The command's arguments; whatever is refused is refused before anything is done."""

import pytest

from tests.commands.conftest import Run, run  # noqa: F401 - a fixture


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("127.0.0.1",), "DPORT"),
        (("127.0.0.1", "0"), "DPORT"),
        (("127.0.0.1", "65536"), "DPORT"),
        (("127.0.0.1", "http"), "'DPORT': http is not a port: they go from 1 to 65535"),
        (("127.0.0.1:80",), "is an argument of its own: 127.0.0.1 80"),
        (("localhost:80", "81"), "is an argument of its own: localhost 80"),
        (("[::1]:443", "443"), "is an argument of its own: ::1 443"),
        (("127.0.0.1", "80", "0"), "LOOPS"),
        (("127.0.0.1", "80", "1001"), "LOOPS"),
        (("127.0.0.1", "80", "--rate", "0"), "--rate"),
        (("127.0.0.1", "80", "--rate", "nan"), "nan"),
        (("127.0.0.1", "80", "--concurrency", "1001"), "--concurrency"),
        (("127.0.0.1", "80", "--max", "0"), "--max"),
        (("127.0.0.1", "80", "--duration", "3601"), "--duration"),
        (("127.0.0.1", "80", "--timeout", "0"), "--timeout"),
        (("127.0.0.1", "80", "--source-ip", "nobody"), "--source-ip nobody"),
        (("127.0.0.1", "80", "--source", "0.0.0.0"), "leave out --source-ip"),
        (("127.0.0.1", "80", "--watch"), "terminal"),
        (("[::]", "80"), ":: cannot be a server's address"),
        (("0.0.0.0", "80"), "a server's address"),
    ],
)
def test_what_is_refused(run: Run, arguments: tuple[str, ...], why: str) -> None:  # noqa: F811
    code, out, errors = run("simulate", *arguments, "--yes")
    assert (code, out) == (2, "")
    assert why in errors
    assert errors.count("\n") == 1


def test_another_procfs_is_none_to_connect_from(run: Run) -> None:  # noqa: F811
    code, _, errors = run("--proc", "/", "simulate", "127.0.0.1", "80", "--yes")
    assert code == 2
    assert "leave out --proc" in errors


def test_the_help_has_every_option_and_the_exit_codes(run: Run) -> None:  # noqa: F811
    code, out, _ = run("simulate", "--help")
    assert code == 0
    for option in (
        *(
            "--rate",
            "--concurrency",
            "--max",
            "--duration",
            "--timeout",
            "--source",
            "--bind-first",
        ),
        *("--hold", "--keep-going", "--watch", "--json", "--yes", "--i-own-this-target"),
    ):
        assert option in out
    assert "LOOPS times (1–1000, default 5)" in " ".join(out.split())
    assert "Exit codes: 0 no wall was hit, 1 a wall was hit" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 100
