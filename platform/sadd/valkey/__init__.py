"""The client of the hot store: one connection a node, one write a tick, one breaker."""
