"""Mirrors benchmarks/drivers."""
