//! Floor 6. Media engine threads and ports.
