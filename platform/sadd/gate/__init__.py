"""The gate: may the request that a proxy holds go on to its service, in a form that the proxy can use."""
