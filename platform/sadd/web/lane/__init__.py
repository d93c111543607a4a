"""The fast lane: decisions answered without aiohttp, and everything else lent or handed to it.

A connection is cut into requests. Those that the lane answers become calls, whose answers leave in the order
of the requests. All others are lent to aiohttp's own connection, whole and byte for byte, so that its answer
is the one given; when it is done the lane takes the next request. Bytes that do not begin with a plain head
are handed over for good, since only aiohttp may then say where the next request begins.

::

    received ──► head ──► plain? ──no──► aiohttp, for good       (waits for calls before it)
                           │yes
                           ▼
                  of the lane, aiohttp idle? ──no──► aiohttp, this request   (waits for calls before it)
                           │yes
                           ▼
                  key, body right? ──no──► a problem, in aiohttp's words
                           │yes
                           ▼
                  ask ─ … ─► done ──► answer, in order

The lane never waits long for the rest of a request: after PATIENCE_SECONDS it is aiohttp's, with its
time-outs and its bounds.
"""
