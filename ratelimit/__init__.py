"""Decide whether a caller may proceed now."""
