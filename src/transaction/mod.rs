//! Floor 2. RFC 3261 section 17 with RFC 6026: four machines.
