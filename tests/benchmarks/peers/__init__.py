"""Mirrors benchmarks/peers."""
