-- The rules of limits, the whole set in each version. Nothing is ever changed here: going back is a new version
-- with an old set, so that the history says who wanted what, and when.
CREATE TABLE limit_rules (
    version bigint      PRIMARY KEY CHECK (version > 0),
    rules   jsonb       NOT NULL CHECK (jsonb_typeof(rules) = 'array'),
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text        NOT NULL,  -- key prefix of the caller, or 'cli'
    note    text        NOT NULL DEFAULT ''
);

-- Workers hold the last version in memory and load it when told, within a second.
CREATE FUNCTION limit_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_limits;
    RETURN NULL;
END
$$;
CREATE TRIGGER limit_rules_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON limit_rules
    FOR EACH STATEMENT EXECUTE FUNCTION limit_rules_changed();
