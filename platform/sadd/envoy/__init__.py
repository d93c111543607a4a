"""Envoy's rate limit service: envoyproxy/ratelimit's configuration and decisions, on Sadd's counters."""
