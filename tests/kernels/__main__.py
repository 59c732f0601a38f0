"""python -m tests.kernels VERSION…: the live tests on other kernels, in an emulator.

VERSION is one of Debian's cloud kernels: `5.10`, `6.1.176` or `newest`. QEMU boots it with this
tree in memory. Packages and logs are kept in $XDG_CACHE_HOME/twtop-kernels; nothing is installed.
It needs a Debian on x86-64, 4 GB of memory, and half an hour or more for a kernel.
Exit code 1 tells of failures, 2 of what is missing.
"""

import argparse
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
ROW = "{:16} {:10} {:>7} {:>7} {:>7} {:>6}"


def main() -> int:
    """Print a row for each check, and then what failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernels", description=__doc__)
    parser.add_argument("versions", nargs="+", metavar="VERSION")
    parser.add_argument("--count", type=int, default=100, help="of the 200 random scenarios, 100")
    parser.add_argument(
        "--only", action="append", choices=[*CHECKS, "scenarios"], help="of the checks"
    )
    chosen = parser.parse_args()
    scenarios = [f"{SCENARIO}[{number}]" for number in range(chosen.count)]
    checks = CHECKS | {"scenarios": ["-m", "", *scenarios]}
    checks = {name: checks[name] for name in chosen.only or checks}

    failures = []
    print(ROW.format("kernel", "check", "passed", "skipped", "failed", "time"))
    for wanted in chosen.versions:
        try:
            kernel = packages.kernel(wanted)
            missing = set(checks)
            for told in machine.run(kernel, checks):
                missing.discard(told["check"])
                failures += [(kernel, told["check"], name) for name in told["failed"]]
                minutes = time.strftime("%M:%S", time.gmtime(told["seconds"]))
                counts = told["passed"], told["skipped"], len(told["failed"])
                print(ROW.format(kernel.version, told["check"], *counts, minutes), flush=True)
        except packages.MissingError as missing_one:
            parser.error(str(missing_one))
        failures += [(kernel, check, "did not end") for check in checks if check in missing]
    for kernel, check, name in failures:
        print(f"{kernel.version} {check}: {name}; see {machine.log_of(kernel)}")
    return bool(failures)


sys.exit(main())
