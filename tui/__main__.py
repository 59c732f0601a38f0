"""``python -m twtop``, and ``python -m tui``."""

from .cli import start  # whatever it is called

start()
