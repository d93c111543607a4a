"""Which limits hold for a request, and what the engine says of them together."""
