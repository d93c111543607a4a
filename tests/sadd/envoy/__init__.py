"""Tests of sadd.envoy."""
