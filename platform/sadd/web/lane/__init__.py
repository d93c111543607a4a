"""The fast lane: decisions answered without aiohttp, and everything else handed to it."""
