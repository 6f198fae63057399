//! Floor 1. SDP: read what a party offers, write what we say.
