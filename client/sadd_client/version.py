"""The version of this client. It goes its own way: what binds it to a platform is the interface, ``/v1``."""

__version__ = "0.1.0"
