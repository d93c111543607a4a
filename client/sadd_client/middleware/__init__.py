"""Doors for frameworks, a module each; only those of aiohttp and Django import what they are for."""
