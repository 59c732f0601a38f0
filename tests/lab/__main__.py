"""The process behind `Lab`: python -m tests.lab FD PARENT."""

import sys

from tests.lab.process import serve

serve(int(sys.argv[1]), int(sys.argv[2]))
