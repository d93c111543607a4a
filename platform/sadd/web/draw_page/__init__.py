"""A draw for people: what was published, and any place of it recomputed before their eyes."""
