"""gRPC for proxies that ask once a request: unary calls over our own few HTTP/2 frames.

``serving`` listens and drains, ``switchboard`` knows the methods and the connections, ``connection`` is one
client's. A frame comes in by ``reader``, its header block is understood by ``blocks``, ``calls`` keeps what
was begun, a call is a ``stream``, and its answer leaves by ``outflow``. What is served: ``rls`` (Envoy's rate
limit service), ``authz`` (its external authorization) and ``health``, with the classes of ``messages``.
"""
