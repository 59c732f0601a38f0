"""A process of the lab: python -m tui.lab FD PARENT, see process.Child."""

import sys

from tui.lab.process import run

run(int(sys.argv[1]), int(sys.argv[2]))
