"""Pure functions from a socket table to facts; no I/O."""
