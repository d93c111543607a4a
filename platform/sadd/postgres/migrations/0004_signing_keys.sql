-- The platform's own keys: what signs tickets and passes, and the pepper of the session hashes.
-- Whoever can read this table can forge passes: grant it to the platform's own role only.
CREATE TABLE signing_keys (
    purpose    text        NOT NULL CHECK (purpose IN ('queue-ticket', 'queue-pass', 'session-pepper')),
    serial     integer     NOT NULL CHECK (serial > 0),  -- the highest signs, all in force are accepted
    key_id     text        NOT NULL UNIQUE CHECK (key_id ~ '^[0-9a-f]{8}$'),
    secret     bytea       NOT NULL CHECK (octet_length(secret) = 32),  -- of a pass: the Ed25519 seed
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz,                              -- no longer accepted from then on
    PRIMARY KEY (purpose, serial)
);
