"""Measurements of what Sadd costs, each against its limit in one run."""
