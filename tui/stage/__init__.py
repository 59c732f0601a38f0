"""Loads that somebody watches, and whether their clients agree with what twtop says."""
