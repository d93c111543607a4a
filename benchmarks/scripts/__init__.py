"""Scripts in which clients and servers are compared. A package, so that a wheel has them."""
