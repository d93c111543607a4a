"""The platform around the four services: stores, catalogue, identity, sessions, web, and the command line."""
