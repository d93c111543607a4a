"""Real Valkey and PostgreSQL servers from wheels, under our own supervision."""
