//! Floor 5. One masked call.
