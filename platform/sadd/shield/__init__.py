"""The HTTP shield: a caching reverse proxy in front of the services of the catalogue.

::

    client ──► front ──► head ──► in L1, same for all? ──yes──► answer, at once
                 │                   │no
                 │                   ▼
                 │                 gate: room, session, limits ──refused──► problem or page
                 │                   │
                 │                   ▼
                 │         may be cached? ──no──► forward ──► origin
                 │                   │yes
                 ▼                   ▼
            answer ◄── cache ◄── one fetch for all who ask ──► origin
"""
