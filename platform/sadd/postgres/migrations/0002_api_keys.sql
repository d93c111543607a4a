-- The API keys of agencies. The secret is nowhere: only its SHA-256.
CREATE TABLE api_key (
    prefix       text        PRIMARY KEY CHECK (prefix ~ '^[a-z2-7]{12}$'),
    hash         bytea       NOT NULL CHECK (octet_length(hash) = 32),
    agency       text        NOT NULL CHECK (agency <> ''),  -- no foreign key: a key outlives the agency's retirement
    scopes       text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    label        text        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz CHECK (expires_at > created_at),  -- null is never
    last_used_at timestamptz,                                  -- null is not yet; written in batches, so it may lag
    revoked_at   timestamptz
);
CREATE INDEX api_key_agency ON api_key (agency, created_at);

-- Workers hold all live keys in memory and load them again when told. The trigger tells them, so that a
-- revocation typed by hand into psql counts within a second as well. Writing last_used_at tells nobody.
CREATE FUNCTION api_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_keys;
    RETURN NULL;
END
$$;
CREATE TRIGGER api_key_changed
    AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF prefix, hash, agency, scopes, expires_at, revoked_at
    ON api_key FOR EACH STATEMENT EXECUTE FUNCTION api_key_changed();
