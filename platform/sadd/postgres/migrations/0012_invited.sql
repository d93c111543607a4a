-- Who is invited to a lane of a room. A holder is a keyed hash of room, agency and subject: nobody's name is here.
CREATE TABLE lane_invited (
    room     text        NOT NULL CHECK (room <> ''),
    holder   bytea       NOT NULL CHECK (octet_length(holder) = 16),
    lane     text        NOT NULL CHECK (lane <> ''),
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room, holder)  -- one lane for each; the last invitation holds
);
CREATE INDEX lane_invited_lane ON lane_invited (room, lane);

-- Workers hold in memory which rooms have lists at all, so that joins of other rooms ask nobody.
CREATE FUNCTION lane_invited_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_invited;
    RETURN NULL;
END
$$;
CREATE TRIGGER lane_invited_changed
    AFTER INSERT OR DELETE OR TRUNCATE ON lane_invited
    FOR EACH STATEMENT EXECUTE FUNCTION lane_invited_changed();
