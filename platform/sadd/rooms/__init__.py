"""Which waiting rooms there are: the catalogue's own, and what agencies set beside it, in versions."""
