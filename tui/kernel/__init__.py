"""Readers of Linux: each takes the procfs root and knows no screen."""
