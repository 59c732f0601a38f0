"""python -m tests.kernels VERSION…: the live tests on other kernels, in an emulator.

VERSION is one of Debian's cloud kernels: `5.10`, `6.1.176` or `newest`. QEMU boots it with this
tree in memory. Packages and logs are kept in $XDG_CACHE_HOME/twtop-kernels; nothing is installed.
It needs a Debian on x86-64, 4 GB of memory, and half an hour or more for a kernel. The scenarios
are played a few a boot: an emulator that comes to a stop takes no more along, and they are named.
Exit code 1 tells of failures, 2 of what is missing.
"""

import argparse
import re
import sys
import time

from tests.kernels import machine, packages

SCENARIO = "tests/live/test_scenarios.py::test_connect_does_what_the_report_said"
CHECKS = {
    "tick": ["tests/live/test_tick.py"],
    "bound": ["tests/live/test_bound.py"],
    "states": ["tests/live/test_states.py"],
    "ports": ["tests/live/test_exhaustion.py"],
    "simulate": ["tests/live/test_simulate.py"],
}
A_BOOT = 20
"""So many scenarios are played before the next boot."""
ROW = "{:16} {:12} {:>7} {:>7} {:>7} {:>6}"


def main() -> int:
    """Print a row for each check, and then what failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernels", description=__doc__)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--count", type=int, default=100, help="of the random scenarios, 100")
    parser.add_argument(
        "--only", action="append", choices=[*CHECKS, "scenarios"], help="of the checks"
    )
    chosen = parser.parse_args()
    wanted = chosen.only or [*CHECKS, "scenarios"]
    boots = [{name: tests for name, tests in CHECKS.items() if name in wanted}]
    for first in range(0, chosen.count if "scenarios" in wanted else 0, A_BOOT):
        numbers = range(first, min(first + A_BOOT, chosen.count))
        named = f"scenarios-{first}"
        boots.append({named: ["-m", "", *(f"{SCENARIO}[{number}]" for number in numbers)]})

    failures: list[str] = []
    print(ROW.format("kernel", "check", "passed", "skipped", "failed", "time"))
    for version in chosen.versions:
        try:
            kernel = packages.kernel(version)
            for checks in filter(None, boots):
                failures += _boot(kernel, checks)
        except packages.MissingError as missing:
            parser.error(str(missing))
    print("\n".join(failures), end="\n" if failures else "")
    return bool(failures)


def _boot(kernel: packages.Kernel, checks: dict[str, list[str]]) -> list[str]:
    """Print a row for each check of one boot, and return what failed or did not end."""
    left, failed = dict(checks), []
    log = machine.log_of(kernel, next(iter(checks)))
    for told in machine.run(kernel, checks, log):
        del left[told["check"]]
        failed += [f"{told['check']}: {name}" for name in told["failed"]]
        minutes = time.strftime("%M:%S", time.gmtime(told["seconds"]))
        counts = told["passed"], told["skipped"], len(told["failed"])
        print(ROW.format(kernel.version, told["check"], *counts, minutes), flush=True)
    ended = set(re.findall(r"(\S+::\S+) [A-Z]+ ", log.read_text(errors="replace")))
    for check, tests in left.items():
        named = [test for test in tests if "::" in test and test not in ended]
        failed += [f"{check}: {test} did not end" for test in named or ["it"]]
        print(ROW.format(kernel.version, check, "-", "-", len(named) or "-", "-"), flush=True)
    return [f"{kernel.version} {what}; see {log}" for what in failed]


sys.exit(main())
