//! Floor 1. SIP on the wire: scan, read, write.
