"""Private network namespaces with real sockets, in which the kernel is the judge.

`Lab` is a process that runs functions for a test, each call in a network namespace of its own
that is gone with the call. Inside, `sockets` makes connections in any TCP state and counts how
many connect() calls really succeed; `namespace` sets sysctls and addresses and gives a second
namespace behind a veth pair.

    with Lab() as lab:
        verdict = lab.call(exhaust_a_small_range)
"""

from tests.lab.process import Lab, Unavailable

__all__ = ["Lab", "Unavailable"]
