-- Rotation of signing keys while workers run. A new key is published at once and signs later, when whoever
-- keeps the key set for a while knows it.
ALTER TABLE signing_keys ADD COLUMN signs_from timestamptz NOT NULL DEFAULT now();

-- Workers hold the keys in force and read them again when told, within a second. By row: a worker that starts
-- tries to insert what is there already, which is no news.
CREATE FUNCTION signing_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_signing_keys;
    RETURN NULL;
END
$$;
CREATE TRIGGER signing_keys_changed
    AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION signing_keys_changed();
