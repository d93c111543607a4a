-- What of the sessions must survive the hot store: who was signed out, and the sessions of durable classes.

ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_purpose_check
    CHECK (purpose IN ('queue-ticket', 'queue-pass', 'session-pepper', 'seal'));

-- The numbers of revocations. Whoever revokes holds this row until his commit, so they are gapless and in the
-- order of commits: who read up to a number has seen all below it.
CREATE TABLE session_feed (
    one_row    boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    seq        bigint  NOT NULL DEFAULT 0,  -- the newest
    generation bigint  NOT NULL DEFAULT 0,  -- the newest one's: ms since the epoch, or one more than the one before
    swept      bigint  NOT NULL DEFAULT 0   -- the highest number that was deleted: below it some are missing
);
INSERT INTO session_feed DEFAULT VALUES;

-- Committed before anybody is told that he is signed out. A subject's generation is that of the last revocation
-- of all its sessions: what was made under a lower one is over. It rises with the clock, so a database that was
-- put back to an older state does not count from less than the hot store knows.
CREATE TABLE session_revocation (
    seq      bigint      PRIMARY KEY,
    generation bigint    NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    agency   text        NOT NULL CHECK (agency <> ''),
    service  text        NOT NULL,          -- of the session; '' where all are ended
    tag      text        NOT NULL,          -- keyed hash of agency and subject, in front of each of its ids
    ref      text        NOT NULL,          -- keyed hash of the session's id; '' = all of the subject but
    kept     text        NOT NULL DEFAULT '', -- this one
    subject  bytea       NOT NULL CHECK (octet_length(subject) <= 1024),  -- sealed
    reason   text        NOT NULL CHECK (length(reason) <= 64),
    until    timestamptz NOT NULL           -- nothing that it ended could live longer
);
CREATE INDEX session_revocation_tag ON session_revocation (tag, seq);
CREATE INDEX session_revocation_until ON session_revocation (until);

CREATE FUNCTION session_revocation_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_session_revocations;
    RETURN NULL;
END
$$;
CREATE TRIGGER session_revocation_told
    AFTER INSERT ON session_revocation
    FOR EACH STATEMENT EXECUTE FUNCTION session_revocation_told();

-- One row a living session of a durable class, committed before it is answered. The record is as the store
-- keeps it: who was signed in, and all that the service keeps, is sealed.
CREATE TABLE session_journal (
    tag         text   NOT NULL,
    ref         text   NOT NULL,
    version     bigint NOT NULL,
    used_ms     bigint NOT NULL,  -- by the store's clock; noted four times an idle time-out at most
    absolute_ms bigint NOT NULL,
    record      bytea  NOT NULL CHECK (octet_length(record) <= 24576),
    PRIMARY KEY (tag, ref)
) WITH (fillfactor = 70);
CREATE INDEX session_journal_absolute ON session_journal (absolute_ms);
