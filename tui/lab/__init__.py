"""Private network namespaces with real sockets, in which ports can be used up without harm.

`process` starts the processes that live there and end with whoever started them, `namespace`
makes the namespaces, their addresses and sysctls, `server` takes connections, and `load` makes
them by the thousand. Nothing here knows what twtop says of it all, so that the one
can be held against the other.
"""
