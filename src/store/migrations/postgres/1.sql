-- Times are milliseconds since the Unix epoch, numbers their digits; a caller of 0 is anyone. What filters need stands
-- in columns, the whole in `body` as JSON.
CREATE TABLE sessions (
    id BYTEA NOT NULL PRIMARY KEY,
    first BIGINT,
    second BIGINT,
    first_dials BIGINT NOT NULL,
    second_dials BIGINT NOT NULL,
    pool TEXT,
    reference TEXT,
    created_at BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    closed_at BIGINT,
    free_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    changed BIGINT NOT NULL DEFAULT 0,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX sessions_reference ON sessions (reference) WHERE reference IS NOT NULL;
CREATE INDEX sessions_created ON sessions (created_at, id);
CREATE INDEX sessions_free ON sessions (free_at, id);
CREATE INDEX sessions_pair ON sessions (first, second);
CREATE INDEX sessions_second ON sessions (second);
CREATE INDEX sessions_first_dials ON sessions (first_dials, created_at);
CREATE INDEX sessions_second_dials ON sessions (second_dials, created_at);
CREATE INDEX sessions_changed ON sessions (changed);

-- Who holds a (number dialled, caller), and until when.
CREATE TABLE channels (
    dialled BIGINT NOT NULL,
    caller BIGINT NOT NULL,
    session BYTEA NOT NULL,
    free_at BIGINT NOT NULL,
    PRIMARY KEY (dialled, caller)
);

-- A number that was taken out stays as `gone`.
CREATE TABLE numbers (
    number BIGINT NOT NULL PRIMARY KEY,
    gone BIGINT NOT NULL,
    changed BIGINT NOT NULL DEFAULT 0,
    body TEXT NOT NULL
);

-- A call that goes on has no `ended_at`.
CREATE TABLE calls (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL,
    ended_at BIGINT,
    caller BIGINT,
    destination BIGINT,
    dialled BIGINT,
    shown BIGINT,
    session BYTEA,
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
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest BYTEA UNIQUE,
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_at ON events (at);

-- Answers to requests with an Idempotency-Key.
CREATE TABLE answers (
    key TEXT NOT NULL PRIMARY KEY,
    body BYTEA NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX answers_at ON answers (at);

-- Written to see whether the database takes writes.
CREATE TABLE probe (writes BIGINT NOT NULL);
INSERT INTO probe VALUES (0);

-- Each change of a session or a number carries its transaction, so that a node that was cut off finds what it missed,
-- and is told to the other nodes: the name of the connection is that of the node.
CREATE FUNCTION maskline_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed := pg_current_xact_id()::text::bigint;
    IF TG_TABLE_NAME = 'sessions' THEN
        PERFORM pg_notify('maskline', current_setting('application_name') || ' session ' || encode(NEW.id, 'hex'));
    ELSE
        PERFORM pg_notify('maskline', current_setting('application_name') || ' number ' || NEW.number);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sessions_changed BEFORE INSERT OR UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION maskline_changed();
CREATE TRIGGER numbers_changed BEFORE INSERT OR UPDATE ON numbers FOR EACH ROW EXECUTE FUNCTION maskline_changed();

-- Events become visible in the order of their ids: one transaction at a time adds some.
CREATE FUNCTION maskline_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        PERFORM pg_advisory_xact_lock(7310868749);
    ELSE
        PERFORM pg_notify('maskline', 'all events');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER events_first BEFORE INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION maskline_events();
CREATE TRIGGER events_then AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION maskline_events();
