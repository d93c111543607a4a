-- Who changed what, when, from what and to what. Written in the transaction of the change itself.
CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text        NOT NULL,  -- key prefix of the caller, or 'cli'
    action  text        NOT NULL,  -- e.g. 'catalogue.service.update', 'keys.revoke'
    subject text        NOT NULL,  -- id of what was changed
    before  jsonb,
    after   jsonb
);
CREATE INDEX audit_subject ON audit (subject, at);
