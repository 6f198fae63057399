//! Floor 3. Dialog state, route set, offer and answer.
