-- Draws of scheduled events. What a draw promises is kept here, whoever writes: entries only while people gather,
-- one freeze, one seed, and nothing of it ever changed. (Who owns the tables can drop the triggers; then what
-- citizens kept of the published documents convicts him.)
CREATE TABLE queue_draw (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room            text        NOT NULL CHECK (room <> ''),
    serial          integer     NOT NULL CHECK (serial > 0),  -- the room's first, second, … draw
    closes_at       timestamptz NOT NULL,  -- the start of the event: no entry from then on
    beacon_kind     text        NOT NULL CHECK (beacon_kind IN ('drand', 'statement')),
    beacon_chain    text        NOT NULL DEFAULT '',
    beacon_round    bigint      NOT NULL DEFAULT 0,
    beacon_source   text        NOT NULL DEFAULT '',
    beacon_at       timestamptz NOT NULL CHECK (beacon_at > closes_at),  -- nobody knows its value before
    count           bigint      NOT NULL DEFAULT 0 CHECK (count BETWEEN 0 AND 10000000),
    frozen_at       timestamptz CHECK (frozen_at >= closes_at AND frozen_at < beacon_at),
    root            bytea       CHECK (octet_length(root) = 32),
    chunk_nodes     bytea       CHECK (octet_length(chunk_nodes) % 32 = 0),  -- of each 1,024 entries
    base            bigint      CHECK (base >= 0),  -- the places' numbers in the line are base + 1 and on
    life            bigint,                         -- of the room, that knows these numbers
    beacon_value    bytea,                          -- the round's signature, or the statement's text
    randomness      bytea       CHECK (octet_length(randomness) = 32),
    seed            bytea       CHECK (octet_length(seed) = 32),
    drawn_at        timestamptz,
    UNIQUE (room, serial),
    CHECK (CASE beacon_kind WHEN 'drand' THEN beacon_chain <> '' AND beacon_round > 0
                            ELSE beacon_source <> '' END),
    CHECK (num_nulls(frozen_at, root, chunk_nodes, base, life) IN (0, 5)),
    CHECK (num_nulls(beacon_value, randomness, seed, drawn_at) IN (0, 4)),
    CHECK (drawn_at IS NULL OR frozen_at IS NOT NULL),
    CONSTRAINT the_seed_is_of_room_root_and_beacon CHECK (seed = sha256(
        'sadd draw seed 1'::bytea || '\x00' || int2send(octet_length(room)::smallint) || convert_to(room, 'UTF8')
        || int8send(serial) || int8send(count) || root || randomness))
);

CREATE TABLE queue_draw_entry (
    draw  bigint NOT NULL,
    index bigint NOT NULL CHECK (index >= 0),
    entry bytea  NOT NULL CHECK (octet_length(entry) = 32),
    PRIMARY KEY (draw, index),
    UNIQUE (draw, entry)
);

CREATE FUNCTION queue_draw_begins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.count <> 0 OR NEW.frozen_at IS NOT NULL OR NEW.drawn_at IS NOT NULL OR NEW.closes_at <= now() THEN
        RAISE EXCEPTION 'a draw begins with no entries, before its start';
    END IF;
    IF EXISTS (SELECT FROM queue_draw WHERE room = NEW.room AND drawn_at IS NULL AND count > 0) THEN
        RAISE EXCEPTION 'the room has a draw that is not over';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER queue_draw_begins BEFORE INSERT ON queue_draw
    FOR EACH ROW EXECUTE FUNCTION queue_draw_begins();

CREATE FUNCTION queue_draw_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    there bigint;
    last  bigint;
BEGIN
    IF OLD.drawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'the draw is over: nothing of it is changed';
    END IF;
    IF (OLD.id, OLD.room, OLD.serial) IS DISTINCT FROM (NEW.id, NEW.room, NEW.serial) THEN
        RAISE EXCEPTION 'a draw keeps its room and its number';
    END IF;
    IF OLD.frozen_at IS NOT NULL THEN
        IF (OLD.closes_at, OLD.beacon_kind, OLD.beacon_chain, OLD.beacon_round, OLD.beacon_source, OLD.beacon_at,
            OLD.count, OLD.frozen_at, OLD.root, OLD.chunk_nodes, OLD.base, OLD.life)
           IS DISTINCT FROM
           (NEW.closes_at, NEW.beacon_kind, NEW.beacon_chain, NEW.beacon_round, NEW.beacon_source, NEW.beacon_at,
            NEW.count, NEW.frozen_at, NEW.root, NEW.chunk_nodes, NEW.base, NEW.life) THEN
            RAISE EXCEPTION 'the entries are frozen: nothing of them is changed';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.count < OLD.count THEN
        RAISE EXCEPTION 'entries are never taken out';
    END IF;
    IF NEW.closes_at <> OLD.closes_at AND clock_timestamp() >= least(OLD.closes_at, NEW.closes_at) THEN
        RAISE EXCEPTION 'the start is over';
    END IF;
    IF (OLD.beacon_kind, OLD.beacon_chain, OLD.beacon_round, OLD.beacon_source, OLD.beacon_at)
       IS DISTINCT FROM
       (NEW.beacon_kind, NEW.beacon_chain, NEW.beacon_round, NEW.beacon_source, NEW.beacon_at)
       AND clock_timestamp() >= NEW.beacon_at THEN
        RAISE EXCEPTION 'a beacon is named before its value is known';
    END IF;
    IF NEW.frozen_at IS NOT NULL THEN
        NEW.frozen_at := clock_timestamp();
        SELECT count(*), coalesce(max(index), -1) INTO there, last FROM queue_draw_entry WHERE draw = OLD.id;
        IF there <> NEW.count OR last <> NEW.count - 1 OR NEW.count <> OLD.count THEN
            RAISE EXCEPTION 'the count is %, and there are % entries', NEW.count, there;
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER queue_draw_goes_on BEFORE UPDATE ON queue_draw
    FOR EACH ROW EXECUTE FUNCTION queue_draw_goes_on();

CREATE FUNCTION queue_draw_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'draws and their entries are never taken away or changed';
END
$$;
CREATE TRIGGER queue_draw_stays BEFORE DELETE OR TRUNCATE ON queue_draw
    FOR EACH STATEMENT EXECUTE FUNCTION queue_draw_stays();
CREATE TRIGGER queue_draw_entry_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON queue_draw_entry
    FOR EACH STATEMENT EXECUTE FUNCTION queue_draw_stays();

-- The share lock waits for a freeze that is under way, which then is seen.
CREATE FUNCTION queue_draw_entry_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told record;
BEGIN
    FOR told IN SELECT DISTINCT draw FROM new_entries LOOP
        PERFORM FROM queue_draw
            WHERE id = told.draw AND frozen_at IS NULL AND clock_timestamp() < closes_at FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the draw takes no more entries';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER queue_draw_entry_in_time AFTER INSERT ON queue_draw_entry
    REFERENCING NEW TABLE AS new_entries
    FOR EACH STATEMENT EXECUTE FUNCTION queue_draw_entry_in_time();

-- Takes entries in, each once, with the next indices, and says the index of each that is in. Those that are not
-- said came too late. One transaction a batch, one batch of a draw at a time.
CREATE FUNCTION queue_draw_gather(of_room text, of_serial integer, wanted bytea[])
RETURNS TABLE (entry bytea, index bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    found queue_draw;
    added bigint := 0;
BEGIN
    SELECT * INTO found FROM queue_draw WHERE room = of_room AND serial = of_serial;
    IF found.frozen_at IS NULL AND clock_timestamp() < found.closes_at THEN  -- else whoever freezes holds the row
        SELECT * INTO found FROM queue_draw WHERE id = found.id FOR NO KEY UPDATE;
    END IF;
    IF found.frozen_at IS NULL AND clock_timestamp() < found.closes_at THEN
        INSERT INTO queue_draw_entry (draw, index, entry)
            SELECT found.id, found.count + row_number() OVER () - 1, fresh.entry
            FROM (SELECT DISTINCT unnest(wanted) AS entry) AS fresh
            WHERE NOT EXISTS (SELECT FROM queue_draw_entry AS known
                              WHERE known.draw = found.id AND known.entry = fresh.entry);
        GET DIAGNOSTICS added = ROW_COUNT;
        IF added > 0 THEN
            UPDATE queue_draw SET count = found.count + added WHERE id = found.id;
        END IF;
    END IF;
    RETURN QUERY SELECT known.entry, known.index FROM queue_draw_entry AS known
        WHERE known.draw = found.id AND known.entry = ANY (wanted);
END
$$;

-- Workers hold the last draws in memory and load them when told. Entries that come in tell nobody.
CREATE FUNCTION queue_draw_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_draws;
    RETURN NULL;
END
$$;
CREATE TRIGGER queue_draw_changed AFTER INSERT OR
    UPDATE OF closes_at, beacon_kind, beacon_round, beacon_source, beacon_at, frozen_at, drawn_at
    ON queue_draw FOR EACH STATEMENT EXECUTE FUNCTION queue_draw_changed();
