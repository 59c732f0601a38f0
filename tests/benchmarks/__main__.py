"""python -m tests.benchmarks: what twtop costs, against its budgets."""

import argparse
import os

from tui.lab import namespace


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sockets", type=int, nargs="+", default=[30_000, 300_000])
    parser.add_argument("--only", action="append", metavar="NAME", help="see MEASURES in table.py")
    parser.add_argument("--user", action="store_true", help="through a user namespace")
    chosen = parser.parse_args()

    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed twtop is compiled, too
    namespace.gain_privileges(user_namespace=chosen.user)
    # NumPy starts threads, and a process with threads may not enter a user namespace.
    from tests.benchmarks.table import HEADER, MEASURES, measure

    names = chosen.only or list(MEASURES)
    if unknown := set(names) - set(MEASURES):
        parser.error(f"{', '.join(unknown)}: choose from {', '.join(MEASURES)}")
    print(HEADER, flush=True)
    for time_waits in chosen.sockets:
        measure(time_waits, names)


main()
