-- Answers to requests with an Idempotency-Key: what may hold a number, the key and the request, is there under a secret
-- only. Those from before are forgotten.
DROP TABLE answers;
CREATE TABLE answers (
    key BLOB NOT NULL PRIMARY KEY,
    body BLOB NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX answers_at ON answers (at);
CREATE TABLE answer_secret (secret BLOB NOT NULL);
INSERT INTO answer_secret VALUES (randomblob(32));
