"""A whole fleet, as Prometheus (or what speaks its language) has it from `twtop metrics`."""
