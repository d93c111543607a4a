"""Draw the order of those who came before the start, so that any citizen can check it."""
