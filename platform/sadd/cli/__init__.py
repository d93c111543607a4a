"""The sadd command: one module for each of its words."""
