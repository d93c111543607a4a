"""Queue-it's connectors, as they are, in front of our waiting rooms: targets, tokens, configuration."""
