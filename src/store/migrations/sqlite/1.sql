-- Times are milliseconds since the Unix epoch, numbers their digits; a caller of 0 is anyone. What filters need stands
-- in columns, the whole in `body` as JSON.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    first INTEGER,
    second INTEGER,
    first_dials INTEGER NOT NULL,
    second_dials INTEGER NOT NULL,
    pool TEXT,
    reference TEXT,
    created_at INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    closed_at INTEGER,
    free_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_reference ON sessions (reference) WHERE reference IS NOT NULL;
CREATE INDEX sessions_created ON sessions (created_at, id);
CREATE INDEX sessions_free ON sessions (free_at, id);
CREATE INDEX sessions_pair ON sessions (first, second);
CREATE INDEX sessions_second ON sessions (second);
CREATE INDEX sessions_first_dials ON sessions (first_dials, created_at);
CREATE INDEX sessions_second_dials ON sessions (second_dials, created_at);

-- Who holds a (number dialled, caller), and until when.
CREATE TABLE channels (
    dialled INTEGER NOT NULL,
    caller INTEGER NOT NULL,
    session BLOB NOT NULL,
    free_at INTEGER NOT NULL,
    PRIMARY KEY (dialled, caller)
) WITHOUT ROWID;

-- A number that was taken out stays as `gone`.
CREATE TABLE numbers (
    number INTEGER NOT NULL PRIMARY KEY,
    gone INTEGER NOT NULL,
    body TEXT NOT NULL
);

-- A call that goes on has no `ended_at`.
CREATE TABLE calls (
    id TEXT NOT NULL PRIMARY KEY,
    received_at INTEGER NOT NULL,
    ended_at INTEGER,
    caller INTEGER,
    destination INTEGER,
    dialled INTEGER,
    shown INTEGER,
    session BLOB,
    outcome TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX calls_received ON calls (received_at, id);
CREATE INDEX calls_ended ON calls (ended_at);
CREATE INDEX calls_caller ON calls (caller, received_at) WHERE caller IS NOT NULL;
CREATE INDEX calls_destination ON calls (destination, received_at) WHERE destination IS NOT NULL;
CREATE INDEX calls_dialled ON calls (dialled, received_at) WHERE dialled IS NOT NULL;
CREATE INDEX calls_shown ON calls (shown, received_at) WHERE shown IS NOT NULL;
CREATE INDEX calls_session ON calls (session, received_at) WHERE session IS NOT NULL;
CREATE INDEX calls_outcome ON calls (outcome, received_at);

-- An event's digest keeps it from being told twice; that of one that was redacted is gone.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB UNIQUE,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);

-- Answers to requests with an Idempotency-Key.
CREATE TABLE answers (
    key TEXT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX answers_at ON answers (at);

-- Written to see whether the database takes writes.
CREATE TABLE probe (writes INTEGER NOT NULL);
INSERT INTO probe VALUES (0);
