"""The store client: Valkey or Redis, one node, Sentinel or Cluster, behind ``run`` and ``command``.

``client`` is the front door and ``topology`` builds it from a URL. A call goes client -> router (which
node?) -> lane (is the node there?) -> wire (one connection, all commands of a tick in one write).
What fails comes back to ``repeating``, which decides what may be sent again. redis-py is asked for
topology only (``slots``, ``sentinel``).
"""
