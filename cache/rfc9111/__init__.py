"""What HTTP says of a shared cache, as functions without clock, store or socket.

::

    request ── asking ──► origin ──► storing ──► Stored ── reuse ──► answering ──► response
                 ▲                                 │  ▲
                 └────────── validate ─────────────┘  └─ updating (304)

Implements RFC 9111, the conditional and range requests of RFC 9110 from whole responses, and RFC 5861, 8246,
9211, 9213, 9875 and No-Vary-Search. Left out on purpose, each as the RFC allows: 206 is not stored, ranges
are not combined, a HEAD is asked of an origin as GET (so section 4.3.5 has no case), and nothing is kept of
an answer with ``Set-Cookie``, unless its origin names that field as one visitor's
(``private="set-cookie"``).

Fails closed: what cannot be read is stale, what could be one visitor's own is not kept.
"""
