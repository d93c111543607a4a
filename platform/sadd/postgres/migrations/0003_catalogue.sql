-- The catalogue, one row an entry. The body is the whole entry as the model writes it: the model and its rules
-- are in code, where a fault gets a line and a sentence; what must never be torn apart is kept here.
CREATE TABLE catalogue_entry (
    kind       text        NOT NULL CHECK (kind IN ('limits', 'queues', 'caches', 'sessions',
                                                    'agencies', 'services', 'apps')),
    id         text        NOT NULL CHECK (id <> ''),
    body       jsonb       NOT NULL CHECK (body ->> 'id' = id AND body ->> 'status' IS NOT NULL),
    version    bigint      NOT NULL,  -- of the catalogue, when this entry last changed
    PRIMARY KEY (kind, id)            -- entries are retired, never deleted
);
CREATE INDEX catalogue_entry_agency ON catalogue_entry ((body ->> 'agency')) WHERE kind = 'services';

-- One row. Whoever changes entries locks it first, so that changes come one after the other and a reader that
-- has seen version n has seen all of n. The number goes up by one with each transaction that changed something.
CREATE TABLE catalogue_version (
    one_row    boolean     PRIMARY KEY DEFAULT true CHECK (one_row),
    version    bigint      NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO catalogue_version DEFAULT VALUES;
