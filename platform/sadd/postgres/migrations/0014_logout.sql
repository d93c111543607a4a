-- Who is told that sessions were ended, and who may tell us to end some.

ALTER TABLE signing_keys DROP CONSTRAINT signing_keys_purpose_check;
ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_purpose_check
    CHECK (purpose IN ('queue-ticket', 'queue-pass', 'session-pepper', 'seal', 'logout-token'));

-- Webhooks, and relying parties of OpenID Connect. A secret signs what its webhook gets: whoever can read this
-- table can forge messages, so grant it to the platform's own role only.
CREATE TABLE logout_receiver (
    id          text        PRIMARY KEY CHECK (id ~ '^lr_[a-z2-7]{16}$'),
    agency      text        NOT NULL,
    service     text,                    -- null: all services of the agency
    kind        text        NOT NULL CHECK (kind IN ('webhook', 'oidc')),
    url         text        NOT NULL,
    audience    text        CHECK ((kind = 'oidc') = (audience IS NOT NULL)),  -- the client id
    secret      bytea       CHECK ((kind = 'webhook') = (secret IS NOT NULL) AND octet_length(secret) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz             -- it answered 410: it wants no more
);
CREATE INDEX logout_receiver_agency ON logout_receiver (agency, created_at);

-- The outbox; deleted when it was taken.
CREATE TABLE logout_delivery (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver   text        NOT NULL REFERENCES logout_receiver ON DELETE CASCADE,
    revocation bigint      NOT NULL,     -- its number; 0: a test
    attempts   integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT now(),  -- while somebody sends it: when he is given up
    created_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    gave_up_at timestamptz
);
CREATE INDEX logout_delivery_due ON logout_delivery (due_at) WHERE gave_up_at IS NULL;
CREATE INDEX logout_delivery_receiver ON logout_delivery (receiver);

-- In the transaction that notes the revocations: so there are none without their messages.
CREATE FUNCTION session_revocation_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO logout_delivery (receiver, revocation)
    SELECT r.id, told.seq FROM revoked AS told
    JOIN logout_receiver AS r
        ON r.agency = told.agency AND (r.service IS NULL OR told.service IN ('', r.service))
    WHERE r.disabled_at IS NULL
    ORDER BY told.seq;
    RETURN NULL;
END
$$;
CREATE TRIGGER session_revocation_outbox
    AFTER INSERT ON session_revocation REFERENCING NEW TABLE AS revoked
    FOR EACH STATEMENT EXECUTE FUNCTION session_revocation_outbox();

-- Providers of OpenID Connect that an agency lets end its sessions.
CREATE TABLE logout_provider (
    id         text        PRIMARY KEY CHECK (id ~ '^lp_[a-z2-7]{16}$'),
    agency     text        NOT NULL,
    issuer     text        NOT NULL,
    audience   text        NOT NULL,     -- the agency's client id there
    jwks_uri   text,                     -- null: as its discovery document says
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (agency, issuer, audience)
);

-- Workers hold all of them in memory and load them when told, within a second.
CREATE FUNCTION logout_provider_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY sadd_logout_providers;
    RETURN NULL;
END
$$;
CREATE TRIGGER logout_provider_changed
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON logout_provider
    FOR EACH STATEMENT EXECUTE FUNCTION logout_provider_changed();

-- Logout tokens that came, by the hash of their id: each counts once.
CREATE TABLE logout_seen (
    provider text        NOT NULL REFERENCES logout_provider ON DELETE CASCADE,
    token    bytea       NOT NULL CHECK (octet_length(token) = 32),
    until    timestamptz NOT NULL,       -- from then on it is refused anyhow
    taken_at timestamptz NOT NULL DEFAULT now(),
    done     boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (provider, token)
);
CREATE INDEX logout_seen_until ON logout_seen (until);

-- Whom a provider's session signed in here: a token may name nothing but that session.
CREATE TABLE logout_login (
    login   text        NOT NULL CHECK (login ~ '^[0-9a-f]{32}$'),  -- hash of provider and its session
    agency  text        NOT NULL,
    subject bytea       NOT NULL CHECK (octet_length(subject) <= 1024),  -- sealed
    until   timestamptz NOT NULL,
    PRIMARY KEY (login, agency)
);
CREATE INDEX logout_login_until ON logout_login (until);
