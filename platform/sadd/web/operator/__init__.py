"""The operator's page: what the rooms do, and the levers."""
