-- Who wants to be told what becomes of rooms. The secret signs what is sent: whoever can read this table can
-- forge messages, so grant it to the platform's own role only.
CREATE TABLE webhook (
    id          text        PRIMARY KEY CHECK (id ~ '^wh_[a-z2-7]{16}$'),
    agency      text        NOT NULL,
    room        text,                    -- null: all rooms of the agency
    url         text        NOT NULL,
    events      text[]      NOT NULL CHECK (cardinality(events) > 0),
    secret      bytea       NOT NULL CHECK (octet_length(secret) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz             -- it answered 410: it wants no more
);
CREATE INDEX webhook_agency ON webhook (agency, created_at);

-- The outbox: written in the transaction that notes what was told of a room, deleted when it was taken.
CREATE TABLE webhook_delivery (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook    text        NOT NULL REFERENCES webhook ON DELETE CASCADE,
    message    text        NOT NULL,     -- its id, the same at each attempt
    body       text        NOT NULL,
    attempts   integer     NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL DEFAULT now(),  -- while somebody sends it: when he is given up
    created_at timestamptz NOT NULL DEFAULT now(),
    last_error text,
    gave_up_at timestamptz
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (due_at) WHERE gave_up_at IS NULL;
CREATE INDEX webhook_delivery_webhook ON webhook_delivery (webhook);

-- What was told of a room last; whoever looks next tells only what is another state.
CREATE TABLE room_told (
    room    text        PRIMARY KEY,
    state   text        NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now()
);
