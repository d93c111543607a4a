"""Plays a room's day in seconds: the real outflow, pace and estimate on a clock of ticks, a drawn crowd."""
