-- Callbacks on their way. A lane has those to one URL about one call or session, which are sent one after the other; it
-- says when the first of them is due, and how often it was given out. There is no lane without callbacks.
CREATE TABLE callback_lanes (
    lane BLOB NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    host TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX callback_lanes_due ON callback_lanes (host, due_at);

CREATE TABLE callbacks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane BLOB NOT NULL,
    event INTEGER NOT NULL
);
CREATE INDEX callbacks_lane ON callbacks (lane, id);
