"""Valkey and PostgreSQL as real servers out of wheels, for one machine and with nothing installed by hand."""
