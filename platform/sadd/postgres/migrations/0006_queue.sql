-- What of the waiting rooms must survive the loss of the hot store. Nothing here is written for who only waits.

-- Which restoration of a room's hot state may write: its "life". Whoever writes anything else of a room holds
-- this row FOR SHARE, whoever restores it updates the row first: so all of an older life is seen or refused.
CREATE TABLE queue_life (
    room            text        PRIMARY KEY CHECK (room <> ''),
    life            bigint      NOT NULL CHECK (life > 0),
    server          text        NOT NULL,  -- the incarnation of the store that it was restored for
    restored_at     timestamptz NOT NULL DEFAULT now(),
    restoring_until timestamptz NOT NULL   -- nobody else begins before that
);

-- The lanes of a room; the open one is ''. Written five times a second while somebody waits: kept small.
CREATE TABLE queue_line (
    room       text        NOT NULL,
    lane       text        NOT NULL,
    reserved   bigint      NOT NULL DEFAULT 0,  -- numbers up to here were given to the store to hand out
    issued     bigint      NOT NULL DEFAULT 0,  -- handed out when the leader last looked
    serving    bigint      NOT NULL DEFAULT 0,  -- called
    expired    bigint      NOT NULL DEFAULT 0,  -- up to here the windows are over
    swept      bigint      NOT NULL DEFAULT 0,  -- of numbers up to here claims may have been deleted
    deleted    bigint      NOT NULL DEFAULT 0,  -- how many were: the stock counts them
    doubts     bigint[]    NOT NULL DEFAULT '{}', -- first, last, first, last …: of blocks of lost stores, may be
                                                -- in somebody's hands or in nobody's
    ticked_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room, lane)
) WITH (fillfactor = 50);

-- One row a claim, committed before the visitor is answered, deleted an hour after the pass ended.
CREATE TABLE queue_claim (
    room     text    NOT NULL,
    lane     text    NOT NULL,
    number   bigint  NOT NULL,
    life     bigint  NOT NULL,
    start_ms bigint  NOT NULL,  -- by the store's clock; with the number it names the stay, and the pass
    ends_ms  bigint  NOT NULL,
    "left"   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (room, lane, number)
);

-- One place for one identity, where a room says so. The holder is a keyed hash.
CREATE TABLE queue_holder (
    room   text   NOT NULL,
    holder bytea  NOT NULL CHECK (octet_length(holder) = 16),
    lane   text   NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (room, holder)
);

-- What the leader of the outflow remembers of a room for the next one.
CREATE TABLE queue_outflow (
    room       text   PRIMARY KEY,
    remembered bytea  NOT NULL CHECK (octet_length(remembered) <= 2048),
    missed     bigint NOT NULL DEFAULT 0,
    gone       bigint NOT NULL DEFAULT 0   -- left before the pass ended
);

-- Who moves the serving numbers of all rooms, by this database's clock. The epoch fences the one before.
CREATE TABLE queue_leader (
    one_row boolean     PRIMARY KEY DEFAULT true CHECK (one_row),
    holder  text        NOT NULL DEFAULT '',
    epoch   bigint      NOT NULL DEFAULT 0,
    until   timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO queue_leader DEFAULT VALUES;
