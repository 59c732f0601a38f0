"""twtop: htop for TIME-WAIT and ephemeral ports."""

__version__ = "0.1.0"
