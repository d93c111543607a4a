"""Processes that we start: tied to us, watched, started again, and gone when we are."""
