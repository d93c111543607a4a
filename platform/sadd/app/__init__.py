"""The composition root: the one place where stores, services and HTTP meet."""
