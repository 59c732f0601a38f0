"""What a type checker finds as `twtop.records`; when it runs that is the file of ``tui``."""

from tui.records import *  # noqa: F403
