-- Callbacks on their way. A lane has those to one URL about one call or session, which are sent one after the other; it
-- says when the first of them is due, and how often it was given out. There is no lane without callbacks.
CREATE TABLE callback_lanes (
    lane BYTEA NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX callback_lanes_due ON callback_lanes (host, due_at);

CREATE TABLE callbacks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane BYTEA NOT NULL,
    event BIGINT NOT NULL
);
CREATE INDEX callbacks_lane ON callbacks (lane, id);
