"""The cache, with a memory in this process that answers only while it is known to be right."""
