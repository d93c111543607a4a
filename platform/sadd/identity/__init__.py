"""API keys: who calls, for which agency, and what that key may do."""
