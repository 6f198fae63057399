-- Answers to requests with an Idempotency-Key: what may hold a number, the key and the request, is there under a secret
-- only. Those from before are forgotten.
DROP TABLE answers;
CREATE TABLE answers (
    key BYTEA NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX answers_at ON answers (at);
CREATE TABLE answer_secret (secret BYTEA NOT NULL);
INSERT INTO answer_secret
    VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
