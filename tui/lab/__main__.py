"""A process of the lab: python -m tui.lab FD PARENT, see process.Child."""

import sys

from .process import run  # whatever the package is called: it may run as twtop.lab

run(int(sys.argv[1]), int(sys.argv[2]))
