"""The commands, one a file; each loads what it needs only when it runs."""
