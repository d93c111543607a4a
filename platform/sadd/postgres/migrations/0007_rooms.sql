-- Settings of waiting rooms, beside what the catalogue says. A change is a version with the rooms that it made
-- different; the state at a version is each room's last row up to it. Nothing is ever changed here.
CREATE TABLE room_edition (
    version bigint      PRIMARY KEY CHECK (version > 0),
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text        NOT NULL,  -- key prefix of the caller, or 'cli:<user>'
    note    text        NOT NULL DEFAULT ''
);
CREATE TABLE room_setting (
    version  bigint NOT NULL REFERENCES room_edition,
    room     text   NOT NULL CHECK (room <> ''),
    settings jsonb  CHECK (settings ->> 'id' = room),  -- null: the settings were taken away
    PRIMARY KEY (room, version)
);

-- Workers hold all of it in memory and load it when told, within a second.
CREATE FUNCTION room_edition_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_rooms;
    RETURN NULL;
END
$$;
CREATE TRIGGER room_edition_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON room_edition
    FOR EACH STATEMENT EXECUTE FUNCTION room_edition_changed();
