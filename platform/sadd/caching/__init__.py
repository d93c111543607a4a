"""What each namespace of the cache is, who may keep how much in it, and who purged what."""
