"""What people use instead: each peer pinned by version, installed once, started on a port of its own."""
