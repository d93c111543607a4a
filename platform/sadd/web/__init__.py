"""HTTP: endpoints, problems, limits, and the documents that describe them."""
