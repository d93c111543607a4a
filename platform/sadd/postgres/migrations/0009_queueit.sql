-- Sites that run a connector of Queue-it's. The secret is kept in the clear: both sides sign with it.
-- Who reads the table can let visitors in to these sites, so only the platform's role may.
CREATE TABLE queueit_connection (
    customer text        PRIMARY KEY,
    settings jsonb       NOT NULL CHECK (settings ->> 'customer' = customer),
    secret   text        NOT NULL CHECK (length(secret) >= 32),
    version  integer     NOT NULL DEFAULT 1 CHECK (version > 0),
    at       timestamptz NOT NULL DEFAULT now()
);

-- Workers hold all of them in memory and load them when told, within a second.
CREATE FUNCTION queueit_connection_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_queueit;
    RETURN NULL;
END
$$;
CREATE TRIGGER queueit_connection_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON queueit_connection
    FOR EACH STATEMENT EXECUTE FUNCTION queueit_connection_changed();
