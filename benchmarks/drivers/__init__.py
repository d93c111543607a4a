"""What asks for decisions and measures: programs of others, and a pump of our own where they have none."""
