"""Doors for frameworks, a module each; only ``aiohttp`` and ``django`` import what they are for."""
