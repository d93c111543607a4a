"""Crowds, and what they must find: scenarios, objectives and the report."""
