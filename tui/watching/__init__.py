"""Readings in, views out: what frames amount to over time."""
