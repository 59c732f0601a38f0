"""Readings kept in a file, and read again: what was at 03:12."""
