//! Floor 1. RTP and RTCP on the wire.
