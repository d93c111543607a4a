"""Who is told that a session was ended, and by whom we are told that one shall."""
